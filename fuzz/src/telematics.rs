//! What must hold for any bytes from a vehicle or a platform. Called by the fuzz targets with what they find and by
//! ordinary tests with the corpora.

use xiangyun_telematics::jt808::{
    Assembly, Body, Deframer, Edition, Header, Message, write_frame, write_message,
};
use xiangyun_telematics::jt809::{Action, Input, Link, Lower, LowerSettings, Outbox, OutboxEntry};
use xiangyun_telematics::jt809::{PlatformBody, PlatformDeframer};
use xiangyun_telematics::limits::{PARTS_BYTES_MAX, PARTS_MAX, PARTS_OPEN_MAX};
use xiangyun_telematics::lines::{Options, Protocol, decode_line, encode_line};
use xiangyun_telematics::segments::{DeviceId, Refused};
use xiangyun_telematics::session::{Actions, Link as SessionLink, Names, Now, Registry, SessionSettings};
use xiangyun_telematics::wire::Reader;

/// Frames of a stream that is cut as its first byte says.
fn frames(reads: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deframer = Deframer::new();
    let mut contents = Vec::new();
    for read in reads {
        let mut input = *read;
        while let Some(frame) = deframer.next(&mut input) {
            if let Ok(frame) = frame {
                contents.push(frame.content.to_vec());
            }
        }
        assert!(deframer.held_bytes() <= 4096);
    }
    contents
}

/// A stream gives the same frames however it is cut, every frame can be written again, and what is put together from
/// parts stays within its bounds.
pub(crate) fn jt808_frame(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    // An overlong segment is given up as soon as it is noticed, which depends on the cut; all else does not.
    let whole = frames(&[stream]);
    let size = usize::from(*cut).max(1);
    let pieces: Vec<&[u8]> = stream.chunks(size).collect();
    if stream.len() <= 2000 {
        assert_eq!(frames(&pieces), whole);
    } else {
        frames(&pieces);
    }
    let mut assembly = Assembly::new();
    for (index, content) in whole.iter().enumerate() {
        let mut wire = Vec::new();
        write_frame(content, &mut wire);
        assert_eq!(frames(&[&wire]), std::slice::from_ref(content));
        if let Ok((header, body)) = Header::read(content) {
            let mut again = Vec::new();
            header.write(body.len(), &mut again);
            again.extend_from_slice(body);
            if header.length_agrees(body) {
                assert_eq!(&again, content);
            }
            assembly.add(&header, body, index as i64 * 1000);
            assert!(assembly.held_bytes() <= PARTS_BYTES_MAX + PARTS_OPEN_MAX * usize::from(PARTS_MAX) * 32);
        }
    }
}

/// A body of any id that can be read is written the same, has JSON, and survives being sent as frames.
pub(crate) fn jt808_message(data: &[u8]) {
    let [edition, pick, body @ ..] = data else { return };
    let edition = [Edition::V2011, Edition::V2013, Edition::V2019][usize::from(*edition) % 3];
    let (id, _) = Message::ALL[usize::from(*pick) % Message::ALL.len()];
    let Ok(read) = Body::read(id, body, edition) else { return };
    let mut again = Vec::new();
    read.write(&mut again, edition);
    assert_eq!(again, body);
    let json = serde_json::to_value(&read.message).expect("every message has JSON");
    let _ = Message::from_json(id, json);
    if let Message::Location(location) = &read.message {
        let key = xiangyun_telematics::position::TerminalKey::new("1");
        let all = xiangyun_telematics::jt808::Dialect::names().collect::<Vec<_>>().join(",");
        let dialect = xiangyun_telematics::jt808::Dialect::parse(&all).expect("its own names");
        let position = location.to_position(&key, 0, Default::default(), dialect, false);
        let _ = position.wgs84();
        let _ = xiangyun_telematics::jt808::Location::from_position(&position);
    }
    let phone = xiangyun_telematics::jt808::Phone::parse("13912345678", edition).expect("digits");
    let mut wire = Vec::new();
    let parts = write_message(&Header::new(id, phone, 65_530), &read.message, &mut wire).expect("few parts");
    assert_eq!(frames(&[&wire]).len(), usize::from(parts));
}

/// An outbox with nothing in it.
struct Nothing;

impl Outbox for Nothing {
    type Error = std::convert::Infallible;

    fn after(&mut self, _: u64, _: usize) -> Result<Vec<OutboxEntry>, Self::Error> {
        Ok(Vec::new())
    }

    fn settled(&self) -> u64 {
        0
    }

    fn settle(&mut self, _: u64) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Platform messages are read the same however the stream is cut, written the same, and never upset the lower platform.
pub(crate) fn jt809(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let read = |reads: &mut dyn Iterator<Item = &[u8]>| {
        let mut deframer = PlatformDeframer::new();
        let mut envelopes = Vec::new();
        for read in reads {
            let mut input = read;
            while let Some(envelope) = deframer.next(&mut input) {
                envelopes.extend(envelope);
            }
        }
        envelopes
    };
    let whole = read(&mut std::iter::once(stream));
    assert_eq!(read(&mut stream.chunks(usize::from(*cut).max(1))), whole);
    for envelope in &whole {
        for edition in [Edition::V2011, Edition::V2019] {
            let body = envelope.body(edition, None);
            let mut reader = Reader::new(&body);
            if let Ok(understood) = PlatformBody::read(envelope.header.id, &mut reader, edition) {
                let mut again = Vec::new();
                understood.write(&mut again, edition);
                again.extend_from_slice(reader.rest());
                assert_eq!(again, body);
                if let PlatformBody::Vehicle(message) = &understood {
                    let _ = message.positions(edition);
                }
            }
        }
    }
    for edition in [Edition::V2011, Edition::V2019] {
        let mut lower = Lower::new(LowerSettings::new(edition, 1, "secret", 7), &Nothing);
        let mut step = |now_ms, input| lower.step(now_ms, input, &mut Nothing).unwrap_or_default();
        let opened = step(0, Input::Tick);
        assert_eq!(opened, [Action::Open]);
        step(1, Input::Opened(Link::Main));
        step(2, Input::Opened(Link::Subordinate));
        step(3, Input::Bytes(Link::Main, stream));
        step(4, Input::Bytes(Link::Subordinate, stream));
        step(1_000_000, Input::Tick);
    }
}

/// Device names that nobody keeps.
struct NoNames;

impl Names for NoNames {
    fn device(&self, id: &str) -> Result<DeviceId, Refused> {
        Ok(DeviceId(id.len() as u32))
    }
}

/// A link takes any bytes in any pieces at any pace, answers in whole frames, and holds no more than its bounds.
pub(crate) fn session(data: &[u8]) {
    let [cut, pace, stream @ ..] = data else { return };
    let registry = Registry::new(SessionSettings {
        require_authentication: pace & 1 == 1,
        ..SessionSettings::default()
    });
    let now = |turn: usize| Now::both(1_795_478_400_000 + turn as i64 * i64::from(*pace) * 100);
    let mut link = SessionLink::new(registry.next_link_id(), now(0));
    let mut actions = Actions::default();
    for (turn, piece) in stream.chunks(usize::from(*cut).max(1)).enumerate() {
        actions.clear();
        link.receive(piece, now(turn), &registry, &NoNames, &mut actions);
        let mut deframer = Deframer::new();
        let mut replies = &actions.replies[..];
        while let Some(reply) = deframer.next(&mut replies) {
            reply.expect("replies are whole frames");
        }
        // Parts of split messages are bounded by bytes and by their number.
        assert!(
            link.held_bytes() <= 4096 + 2 * PARTS_BYTES_MAX + PARTS_OPEN_MAX * usize::from(PARTS_MAX) * 64
        );
        let close = actions.close.is_some();
        actions.clear();
        link.tick(now(turn), &registry, &mut actions);
        if close || actions.close.is_some() {
            break;
        }
    }
    actions.clear();
    link.closed(&mut actions);
}

/// Any line of any protocol gets an answer, and what was decoded can be encoded or is refused.
pub(crate) fn feeds(data: &[u8]) {
    let Some((pick, line)) = data.split_first() else { return };
    let protocols = [
        Protocol::Jt808,
        Protocol::Jt809,
        Protocol::Osmand,
        Protocol::Owntracks,
        Protocol::Msgpack,
        Protocol::Msgpack,
    ];
    let index = usize::from(*pick) % protocols.len();
    let options = Options { protocol: Some(protocols[index]), ..Options::default() };
    // Batches are also tried as bytes, which reach further than random hex.
    let text = if index == 5 {
        xiangyun_telematics::wire::to_hex(line)
    } else {
        String::from_utf8_lossy(line).into_owned()
    };
    let decoded = decode_line(&text, &options);
    assert!(decoded["ok"].is_boolean());
    let again = encode_line(&decoded.to_string(), &options);
    if decoded["ok"] == true
        && matches!(options.protocol, Some(Protocol::Jt808 | Protocol::Jt809 | Protocol::Msgpack))
    {
        let again = again.expect("what was decoded can be encoded");
        assert_eq!(decode_line(&again, &options)["ok"], true, "{again}");
    }
}
