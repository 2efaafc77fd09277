//! Terminals to try a gateway with: a fleet that behaves as terminals do, and a flood that measures.

use crate::bcd::BcdTime;
use crate::jt808::{Deframer, Edition, Header, Phone, write_frame};
use serde::Serialize;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A small generator of numbers: the same seed, the same fleet (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Whether something of so many in a thousand happens.
    pub fn permille(&mut self, of: u64) -> bool {
        self.draw() % 1000 < of
    }
}

/// How a flood is made: links that always have `window` reports on the way.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The gateway.
    pub to: SocketAddr,
    /// Links.
    pub connections: usize,
    /// Reports on the way on each link.
    pub window: usize,
    /// Reports of each link are these many in all; 0 for as long as `duration`.
    pub duration: Duration,
    /// Phone of the first terminal.
    pub first_phone: u64,
    /// Device time of the first report, UTC milliseconds.
    pub start_ms: i64,
    /// Reports a second over all links; as many as the windows allow if absent.
    pub per_second: Option<f64>,
}

/// What a flood measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FloodReport {
    /// Reports sent.
    pub sent: u64,
    /// Reports acknowledged.
    pub acknowledged: u64,
    /// Seconds from the first report to the last acknowledgement.
    pub seconds: f64,
    /// Acknowledgements a second.
    pub per_second: f64,
    /// Median time from sending to acknowledgement, microseconds.
    pub p50_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Step of a paced flood.
const PACE: Duration = Duration::from_millis(1);

/// A 0x0200 of 69 bytes on the wire as terminals send it, whose number changes place, time and sequence.
struct Template {
    content: Vec<u8>,
    start_ms: i64,
}

impl Template {
    fn new(phone: u64, start_ms: i64) -> Self {
        let phone = Phone::parse(&phone.to_string(), Edition::V2013).expect("twelve digits at most");
        let mut body = Vec::new();
        body.extend_from_slice(&0u32.to_be_bytes());
        body.extend_from_slice(&0x000C_0003u32.to_be_bytes());
        body.extend_from_slice(&33_870_000u32.to_be_bytes());
        body.extend_from_slice(&113_050_000u32.to_be_bytes());
        body.extend_from_slice(&[0, 120, 1, 44, 0, 90]);
        body.extend_from_slice(&[0; 6]);
        body.extend_from_slice(&[
            0x01, 4, 0, 0, 4, 0xD2, 0x30, 1, 25, 0x31, 1, 12, 0x2A, 2, 0, 0, 0x25, 4, 0, 0, 0, 0,
        ]);
        let mut content = Vec::new();
        Header::new(0x0200, phone, 0).write(body.len(), &mut content);
        content.extend_from_slice(&body);
        Self { content, start_ms }
    }

    fn write(&mut self, n: u64, out: &mut Vec<u8>) {
        self.content[10..12].copy_from_slice(&(n as u16).to_be_bytes());
        let lat = 33_870_000 + (n % 10_000) as u32;
        self.content[20..24].copy_from_slice(&lat.to_be_bytes());
        let time = BcdTime::from_utc_ms(self.start_ms + n as i64 * 1_000)
            .expect("a flood is shorter than a century");
        self.content[34..40].copy_from_slice(&time.0);
        write_frame(&self.content, out);
    }
}

/// One report of a terminal as it travels.
#[must_use]
pub fn report(phone: u64, sequence: u16, at_ms: i64) -> Vec<u8> {
    let mut out = Vec::new();
    Template::new(phone, at_ms - i64::from(sequence) * 1_000).write(u64::from(sequence), &mut out);
    out
}

/// Floods a gateway and measures it.
///
/// # Errors
/// A link that cannot be opened or breaks.
pub async fn flood(flood: &Flood) -> io::Result<FloodReport> {
    let mut links = JoinSet::new();
    let began = Instant::now();
    for n in 0..flood.connections {
        let flood = flood.clone();
        links.spawn(async move { flood_link(&flood, n, began).await });
    }
    let mut report = FloodReport::default();
    let mut times: Vec<(u32, u32)> = Vec::new();
    while let Some(ended) = links.join_next().await {
        let (sent, acknowledged, mine) = ended.map_err(io::Error::other)??;
        report.sent += sent;
        report.acknowledged += acknowledged;
        times.extend(mine);
    }
    report.seconds = began.elapsed().as_secs_f64();
    report.per_second = report.acknowledged as f64 / report.seconds;
    times.sort_unstable();
    let total: u64 = times.iter().map(|(_, count)| u64::from(*count)).sum();
    let percentile = |permille: u64| {
        let mut left = total * permille / 1000;
        for (us, count) in &times {
            if left < u64::from(*count) {
                return u64::from(*us);
            }
            left -= u64::from(*count);
        }
        0
    };
    (report.p50_us, report.p99_us) = (percentile(500), percentile(990));
    report.max_us = times.last().map_or(0, |(us, _)| u64::from(*us));
    Ok(report)
}

async fn flood_link(flood: &Flood, n: usize, began: Instant) -> io::Result<(u64, u64, Vec<(u32, u32)>)> {
    let phone = flood.first_phone + n as u64;
    // Links of a paced flood take turns: they are a fleet, not a drum.
    let (links, turn) = (flood.connections.max(1) as f64, n as f64 / flood.connections.max(1) as f64);
    let stream = TcpStream::connect(flood.to).await?;
    stream.set_nodelay(true)?;
    let mut template = Template::new(phone, flood.start_ms);
    let (mut sent, mut acknowledged, mut delimiters) = (0u64, 0u64, 0u64);
    let mut out = Vec::with_capacity(flood.window * 80);
    let mut under_way: VecDeque<(Instant, u32)> = VecDeque::new();
    let mut times = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let more = began.elapsed() < flood.duration;
        let due = flood.per_second.map_or(u64::MAX, |rate| {
            let mine = began.elapsed().as_secs_f64() * rate / links + turn;
            (mine as u64).saturating_sub(sent)
        });
        // Until the next report of a paced link is due.
        let pause = flood.per_second.map_or(PACE, |rate| {
            let next_s = (sent as f64 + 1.0 - turn) * links / rate - began.elapsed().as_secs_f64();
            let end = flood.duration.saturating_sub(began.elapsed()).max(PACE);
            Duration::try_from_secs_f64(next_s).unwrap_or(PACE).clamp(PACE, end)
        });
        let room = (flood.window as u64 - (sent - acknowledged)).min(due) as usize;
        if more && room > 0 {
            out.clear();
            for _ in 0..room {
                template.write(sent, &mut out);
                sent += 1;
            }
            under_way.push_back((Instant::now(), room as u32));
            let mut from = 0;
            while from < out.len() {
                stream.writable().await?;
                match stream.try_write(&out[from..]) {
                    Ok(count) => from += count,
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
                    Err(err) => return Err(err),
                }
            }
        }
        if acknowledged == sent {
            if !more {
                return Ok((sent, acknowledged, times));
            }
            tokio::time::sleep(pause).await;
            continue;
        }
        if flood.per_second.is_some() {
            tokio::select! {
                ready = stream.readable() => ready?,
                () = tokio::time::sleep(pause) => continue,
            }
        } else {
            stream.readable().await?;
        }
        let count = match stream.try_read(&mut bytes) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(count) => count,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => continue,
            Err(err) => return Err(err),
        };
        delimiters += memchr::memchr_iter(0x7E, &bytes[..count]).count() as u64;
        let mut new = delimiters / 2 - acknowledged;
        acknowledged += new;
        let now = Instant::now();
        while new > 0 {
            let Some((at, left)) = under_way.front_mut() else { break };
            let taken = new.min(u64::from(*left)) as u32;
            times.push((now.duration_since(*at).as_micros().min(u128::from(u32::MAX)) as u32, taken));
            *left -= taken;
            new -= u64::from(taken);
            if *left == 0 {
                under_way.pop_front();
            }
        }
    }
}

/// A fleet that behaves as terminals do.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The gateway.
    pub to: SocketAddr,
    /// Terminals.
    pub terminals: usize,
    /// Pause between two reports of a terminal.
    pub every: Duration,
    /// How long it drives.
    pub duration: Duration,
    /// Seed of everything that is by chance.
    pub seed: u64,
    /// Phone of the first terminal.
    pub first_phone: u64,
    /// Blind spots in a thousand reports: the link goes, reports gather, and come as backfill.
    pub blind_permille: u64,
    /// Resends in a thousand reports.
    pub resend_permille: u64,
    /// Terminals in a thousand whose clock is wrong: eight hours behind, or in the year 2000.
    pub wrong_clock_permille: u64,
}

/// What a fleet saw.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FleetReport {
    /// Registrations answered.
    pub registered: u64,
    /// Different reports made.
    pub reports: u64,
    /// Different reports acknowledged at least once.
    pub acknowledged: u64,
    /// Reports sent again.
    pub resent: u64,
    /// Reports sent as backfill.
    pub backfilled: u64,
    /// Heartbeats answered.
    pub heartbeats: u64,
    /// Times a link was opened.
    pub connections: u64,
    /// Links that failed other than by our wish.
    pub broken: u64,
    /// Texts and other messages received from the platform.
    pub messages_down: u64,
}

impl FleetReport {
    fn add(&mut self, other: &Self) {
        self.registered += other.registered;
        self.reports += other.reports;
        self.acknowledged += other.acknowledged;
        self.resent += other.resent;
        self.backfilled += other.backfilled;
        self.heartbeats += other.heartbeats;
        self.connections += other.connections;
        self.broken += other.broken;
        self.messages_down += other.messages_down;
    }
}

/// Drives a fleet against a gateway until its time is up and every report is acknowledged, or a minute more.
pub async fn drive(fleet: &Fleet) -> FleetReport {
    let mut terminals = JoinSet::new();
    for n in 0..fleet.terminals as u64 {
        let fleet = fleet.clone();
        terminals.spawn(async move { Terminal::new(&fleet, n).run(&fleet).await });
    }
    let mut report = FleetReport::default();
    while let Some(ended) = terminals.join_next().await {
        match ended {
            Ok(mine) => report.add(&mine),
            Err(_) => report.broken += 1,
        }
    }
    report
}

struct Terminal {
    phone: Phone,
    dice: Dice,
    clock_error_ms: i64,
    frozen: bool,
    sequence: u16,
    code: Vec<u8>,
    /// Reports not yet acknowledged, oldest first: body, and the sequence it last went with.
    open: VecDeque<(Vec<u8>, Option<u16>)>,
    /// Bodies that went lately, acknowledged or not: what is sent again is one of these.
    sent: VecDeque<Vec<u8>>,
    place: (i32, i32),
    report: FleetReport,
}

const PARTS_OF_BATCH: usize = 20;
/// Reports that a terminal still holds after they went.
const SENT_HELD: usize = 16;

impl Terminal {
    fn new(fleet: &Fleet, n: u64) -> Self {
        let mut dice = Dice::new(fleet.seed ^ n.wrapping_mul(0x5851_F42D_4C95_7F2D));
        let edition = if dice.permille(300) { Edition::V2019 } else { Edition::V2013 };
        let wrong = dice.permille(fleet.wrong_clock_permille);
        let frozen = wrong && dice.permille(300);
        Self {
            phone: Phone::parse(&(fleet.first_phone + n).to_string(), edition)
                .expect("twelve digits at most"),
            clock_error_ms: if wrong { -8 * 3_600_000 } else { 0 },
            frozen,
            sequence: 0,
            code: Vec::new(),
            open: VecDeque::new(),
            sent: VecDeque::new(),
            place: (
                113_050_000 + (dice.draw() % 100_000) as i32,
                33_870_000 + (dice.draw() % 100_000) as i32,
            ),
            report: FleetReport::default(),
            dice,
        }
    }

    fn next_sequence(&mut self) -> u16 {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        sequence
    }

    fn frame(&mut self, id: u16, body: &[u8]) -> (u16, Vec<u8>) {
        let sequence = self.next_sequence();
        let mut content = Vec::new();
        Header::new(id, self.phone, sequence).write(body.len(), &mut content);
        content.extend_from_slice(body);
        let mut out = Vec::new();
        write_frame(&content, &mut out);
        (sequence, out)
    }

    fn make_report(&mut self) {
        self.place.0 += (self.dice.draw() % 200) as i32 - 90;
        self.place.1 += (self.dice.draw() % 200) as i32 - 90;
        let now_ms = jiff::Timestamp::now().as_millisecond() + self.clock_error_ms;
        let time = BcdTime::from_utc_ms(if self.frozen { 946_684_800_000 } else { now_ms })
            .unwrap_or(BcdTime([0; 6]));
        let mut body = Vec::new();
        body.extend_from_slice(&0u32.to_be_bytes());
        body.extend_from_slice(&0x000C_0003u32.to_be_bytes());
        body.extend_from_slice(&self.place.1.to_be_bytes());
        body.extend_from_slice(&self.place.0.to_be_bytes());
        body.extend_from_slice(&[
            0,
            120,
            1,
            (self.dice.draw() % 200) as u8,
            0,
            (self.dice.draw() % 180) as u8,
        ]);
        body.extend_from_slice(&time.0);
        body.extend_from_slice(&[0x31, 1, 12, 0x51, 2, 0x80, 180]);
        self.report.reports += 1;
        self.open.push_back((body, None));
    }

    /// A registration with a plate in GBK: 豫D and five digits.
    fn registration(&mut self) -> Vec<u8> {
        let long = self.phone.bytes().len() == 10;
        let (maker, model, id) = if long { (11, 30, 30) } else { (5, 20, 7) };
        let mut body = vec![0, 41, 4, 21];
        body.resize(4 + maker + model + id, b'X');
        body.push(2);
        body.extend_from_slice(&[0xD4, 0xA5, b'D']);
        let digits = format!("{:05}", self.dice.draw() % 100_000);
        body.extend_from_slice(digits.as_bytes());
        self.frame(0x0100, &body).1
    }

    async fn run(mut self, fleet: &Fleet) -> FleetReport {
        let end = Instant::now() + fleet.duration;
        let last = end + Duration::from_secs(60);
        while Instant::now() < last && (Instant::now() < end || !self.open.is_empty()) {
            match self.session(fleet, end, last).await {
                Ok(()) => {}
                Err(_) => {
                    self.report.broken += 1;
                    tokio::time::sleep(Duration::from_millis(50 + self.dice.draw() % 200)).await;
                }
            }
        }
        self.report
    }

    /// One link, from registration to a blind spot or the end.
    async fn session(&mut self, fleet: &Fleet, end: Instant, last: Instant) -> io::Result<()> {
        let mut stream = TcpStream::connect(fleet.to).await?;
        stream.set_nodelay(true)?;
        self.report.connections += 1;
        let mut deframer = Deframer::new();
        self.open.iter_mut().for_each(|(_, sequence)| *sequence = None);
        let first = if self.code.is_empty() { self.registration() } else { self.authentication() };
        stream.write_all(&first).await?;
        let mut next_report = Instant::now();
        let mut next_heartbeat = Instant::now();
        let mut backfill = !self.open.is_empty();
        let mut bytes = [0; 4096];
        loop {
            let now = Instant::now();
            if now >= last || now >= end && self.open.is_empty() {
                return Ok(());
            }
            if now < end && now >= next_report {
                next_report += fleet.every;
                self.make_report();
                if self.dice.permille(fleet.blind_permille) {
                    return self.blind_spot(fleet, end).await;
                }
            }
            if now >= next_heartbeat {
                next_heartbeat = now + Duration::from_secs(30);
                let heartbeat = self.frame(0x0002, &[]).1;
                stream.write_all(&heartbeat).await?;
            }
            let out = self.outgoing(fleet, std::mem::take(&mut backfill));
            if !out.is_empty() {
                stream.write_all(&out).await?;
            }
            let wait = next_report
                .saturating_duration_since(Instant::now())
                .clamp(Duration::from_millis(1), Duration::from_secs(1));
            match tokio::time::timeout(wait, stream.read(&mut bytes)).await {
                Err(_) => {}
                Ok(Ok(0)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                Ok(read) => {
                    let mut input = &bytes[..read?];
                    while let Some(frame) = deframer.next(&mut input) {
                        if let Ok(content) = frame.map(|f| f.content.to_vec())
                            && let Some(answer) = self.take(&content)
                        {
                            stream.write_all(&answer).await?;
                        }
                    }
                }
            }
        }
    }

    fn authentication(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.phone.bytes().len() == 10 {
            body.push(self.code.len() as u8);
            body.extend_from_slice(&self.code);
            body.extend_from_slice(&[b'0'; 35]);
        } else {
            body.extend_from_slice(&self.code);
        }
        self.frame(0x0102, &body).1
    }

    /// Reports that have not gone yet, and now and then one that has.
    fn outgoing(&mut self, fleet: &Fleet, backfill: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let fresh = self.open.iter().filter(|(_, sequence)| sequence.is_none()).count();
        if backfill && fresh > 1 {
            let bodies: Vec<Vec<u8>> = self.open.iter().map(|(body, _)| body.clone()).collect();
            for (index, part) in bodies.chunks(PARTS_OF_BATCH).enumerate() {
                let mut body = (part.len() as u16).to_be_bytes().to_vec();
                body.push(1);
                for one in part {
                    body.extend_from_slice(&(one.len() as u16).to_be_bytes());
                    body.extend_from_slice(one);
                }
                let (sequence, frame) = self.frame(0x0704, &body);
                out.extend(frame);
                self.report.backfilled += part.len() as u64;
                let from = index * PARTS_OF_BATCH;
                self.open.iter_mut().skip(from).take(part.len()).for_each(|(_, s)| *s = Some(sequence));
            }
            return out;
        }
        for index in 0..self.open.len() {
            if self.open[index].1.is_some() {
                continue;
            }
            let body = self.open[index].0.clone();
            let (sequence, frame) = self.frame(0x0200, &body);
            self.open[index].1 = Some(sequence);
            out.extend(frame);
            if self.sent.len() == SENT_HELD {
                self.sent.pop_front();
            }
            self.sent.push_back(body);
            if self.dice.permille(fleet.resend_permille) {
                out.extend(self.send_again());
            }
        }
        out
    }

    /// One of the reports that went, again, as a terminal does that missed the answer. It goes with a sequence of its
    /// own, and the answer to that closes nothing.
    fn send_again(&mut self) -> Vec<u8> {
        let chosen = (self.dice.draw() % self.sent.len().max(1) as u64) as usize;
        let Some(body) = self.sent.get(chosen).cloned() else { return Vec::new() };
        self.report.resent += 1;
        self.frame(0x0200, &body).1
    }

    /// Takes a message from the platform; gives what a terminal answers.
    fn take(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = Header::read(content).ok()?;
        match (header.id, body) {
            (0x8001, [s0, s1, i0, i1, result, ..]) => {
                let sequence = u16::from_be_bytes([*s0, *s1]);
                match u16::from_be_bytes([*i0, *i1]) {
                    0x0002 => self.report.heartbeats += 1,
                    0x0200 | 0x0704 if *result == 0 => {
                        let before = self.open.len();
                        self.open.retain(|(_, open)| *open != Some(sequence));
                        self.report.acknowledged += (before - self.open.len()) as u64;
                    }
                    _ => {}
                }
                None
            }
            (0x8100, [_, _, 0, code @ ..]) => {
                self.report.registered += 1;
                self.code = code.to_vec();
                Some(self.authentication())
            }
            (0x8100, _) => None,
            (id, _) => {
                self.report.messages_down += 1;
                let [s0, s1] = header.sequence.to_be_bytes();
                let [i0, i1] = id.to_be_bytes();
                Some(self.frame(0x0001, &[s0, s1, i0, i1, 0]).1)
            }
        }
    }

    /// No link for a while; reports gather.
    async fn blind_spot(&mut self, fleet: &Fleet, end: Instant) -> io::Result<()> {
        for _ in 0..3 + self.dice.draw() % 30 {
            if Instant::now() >= end {
                break;
            }
            tokio::time::sleep(fleet.every).await;
            self.make_report();
        }
        Ok(())
    }
}
