//! The fleet's terminals: one JT/T 808 link each (2013 edition), registered, authenticated, every report acknowledged.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use xiangyun_simulation::desk::Sent;
use xiangyun_telematics::bcd::BcdTime;
use xiangyun_telematics::jt808::{Deframer, Edition, Header, Phone, write_frame};

/// Longest wait for an acknowledgement.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// Most reports in one batch frame.
const BATCH: usize = 20;

/// Phone number of the n-th vehicle's terminal.
pub(crate) fn phone(n: usize) -> String {
    format!("{}", 13_800_000_000_u64 + n as u64)
}

struct Terminal {
    phone: Phone,
    stream: Option<TcpStream>,
    sequence: u16,
    code: Vec<u8>,
    /// Reports that no acknowledgement has come for yet.
    open: Vec<Sent>,
    /// Sequences sent and not acknowledged.
    waits: Vec<u16>,
    deframer: Deframer,
}

/// All terminals.
pub(crate) struct Terminals {
    to: SocketAddr,
    by_vehicle: BTreeMap<String, Terminal>,
    /// Reports acknowledged.
    pub(crate) acknowledged: u64,
    /// Links opened again.
    pub(crate) reopened: u64,
}

fn body_of(sent: &Sent) -> Vec<u8> {
    let mut body = Vec::with_capacity(36);
    body.extend_from_slice(&0u32.to_be_bytes());
    body.extend_from_slice(&0x000C_0003u32.to_be_bytes());
    let micro = |degrees: f64| (degrees * 1e6).round().max(0.0) as u32;
    body.extend_from_slice(&micro(sent.fix.lat).to_be_bytes());
    body.extend_from_slice(&micro(sent.fix.lon).to_be_bytes());
    body.extend_from_slice(&100u16.to_be_bytes());
    body.extend_from_slice(&sent.speed_dkmh.to_be_bytes());
    body.extend_from_slice(&sent.course_deg.to_be_bytes());
    body.extend_from_slice(&BcdTime::from_utc_ms(sent.fix.at_ms).unwrap_or(BcdTime([0; 6])).0);
    body.extend_from_slice(&[0x31, 1, 12]);
    body
}

impl Terminal {
    fn frame(&mut self, id: u16, body: &[u8]) -> (u16, Vec<u8>) {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let mut content = Vec::new();
        Header::new(id, self.phone, sequence).write(body.len(), &mut content);
        content.extend_from_slice(body);
        let mut out = Vec::new();
        write_frame(&content, &mut out);
        (sequence, out)
    }

    /// Opens the link: registration, then authentication with the code that the platform gave.
    fn open(&mut self, to: SocketAddr) -> io::Result<()> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ACK_WAIT))?;
        self.stream = Some(stream);
        self.deframer = Deframer::new();
        self.waits.clear();
        let mut body = vec![0, 41, 4, 21];
        body.resize(4 + 5 + 20 + 7, b'X');
        body.push(2);
        body.extend_from_slice(&[0xD4, 0xA5, b'D', b'0', b'0', b'0', b'0', b'1']);
        let (_, frame) = self.frame(0x0100, &body);
        self.write(&frame)?;
        let reply = self.read_until(|id, _| id == 0x8100)?;
        self.code = reply.get(3..).unwrap_or_default().to_vec();
        let code = self.code.clone();
        let (sequence, frame) = self.frame(0x0102, &code);
        self.write(&frame)?;
        self.read_until(|id, body| id == 0x8001 && body.get(..2) == Some(&sequence.to_be_bytes()[..]))?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?.write_all(bytes)
    }

    /// Reads frames until one fits; gives its body.
    fn read_until(&mut self, fits: impl Fn(u16, &[u8]) -> bool) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 4096];
        loop {
            let read = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?.read(&mut bytes)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut input = &bytes[..read];
            let mut found = None;
            while let Some(frame) = self.deframer.next(&mut input) {
                let Ok(content) = frame.map(|f| f.content.to_vec()) else { continue };
                let Some((id, body)) = split(&content) else { continue };
                if id == 0x8001
                    && let Some(sequence) = body.get(..2).map(|b| u16::from_be_bytes([b[0], b[1]]))
                {
                    self.waits.retain(|s| *s != sequence);
                }
                if fits(id, body) {
                    found = Some(body.to_vec());
                }
            }
            if let Some(body) = found {
                return Ok(body);
            }
        }
    }

    /// Sends what gathered: one report live, several as a batch of a blind spot.
    fn send(&mut self) -> io::Result<()> {
        let (stored, live): (Vec<Sent>, Vec<Sent>) = self.open.iter().partition(|s| s.backfill);
        for part in stored.chunks(BATCH) {
            let mut body = (part.len() as u16).to_be_bytes().to_vec();
            body.push(1);
            for sent in part {
                let one = body_of(sent);
                body.extend_from_slice(&(one.len() as u16).to_be_bytes());
                body.extend_from_slice(&one);
            }
            let (sequence, frame) = self.frame(0x0704, &body);
            self.waits.push(sequence);
            self.write(&frame)?;
        }
        for sent in &live {
            let (sequence, frame) = self.frame(0x0200, &body_of(sent));
            self.waits.push(sequence);
            self.write(&frame)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        while !self.waits.is_empty() {
            self.read_until(|id, _| id == 0x8001)?;
        }
        Ok(())
    }
}

/// Message id and body of a 2013 frame's content.
fn split(content: &[u8]) -> Option<(u16, &[u8])> {
    let id = u16::from_be_bytes([*content.first()?, *content.get(1)?]);
    let long = content.get(2)? & 0x40 != 0;
    Some((id, content.get(if long { 17 } else { 12 }..)?))
}

impl Terminals {
    /// Terminals of these vehicles, in order, to a gateway.
    pub(crate) fn new(vehicles: &[String], to: SocketAddr) -> io::Result<Self> {
        let mut by_vehicle = BTreeMap::new();
        for (n, vehicle) in vehicles.iter().enumerate() {
            let phone = Phone::parse(&phone(n), Edition::V2013)
                .ok_or_else(|| io::Error::other("a phone of 11 digits"))?;
            let mut terminal = Terminal {
                phone,
                stream: None,
                sequence: 1,
                code: Vec::new(),
                open: Vec::new(),
                waits: Vec::new(),
                deframer: Deframer::new(),
            };
            terminal.open(to)?;
            by_vehicle.insert(vehicle.clone(), terminal);
        }
        Ok(Self { to, by_vehicle, acknowledged: 0, reopened: 0 })
    }

    /// Lets go of all links; each is opened again with its next report.
    pub(crate) fn part(&mut self) {
        self.by_vehicle.values_mut().for_each(|t| t.stream = None);
    }

    /// A report to go with the next flush.
    pub(crate) fn report(&mut self, vehicle: &str, sent: Sent) {
        if let Some(terminal) = self.by_vehicle.get_mut(vehicle) {
            terminal.open.push(sent);
        }
    }

    /// Sends everything and returns when all of it is acknowledged, which means durable. A link that breaks is opened
    /// again and its reports sent again; the platform takes each once.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let to = self.to;
        for terminal in self.by_vehicle.values_mut().filter(|t| !t.open.is_empty()) {
            if terminal.send().is_err() {
                terminal.stream = None;
            }
        }
        for terminal in self.by_vehicle.values_mut().filter(|t| !t.open.is_empty()) {
            if terminal.stream.is_none() || terminal.receive().is_err() {
                self.reopened += 1;
                terminal.open(to)?;
                terminal.send()?;
                terminal.receive()?;
            }
            self.acknowledged += terminal.open.len() as u64;
            terminal.open.clear();
        }
        Ok(())
    }
}
