//! The configuration file of a gateway that runs alone (TOML).

use super::limits;
use crate::files::Retention;
use crate::position::TerminalKey;
use crate::segments::{self, Area};
use crate::session::{SessionSettings, TerminalProfile};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigFault {
    /// The file cannot be read.
    #[error("T360 {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The file is not what it should be; the message names line and key.
    #[error("T361 {path}: {message}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// A gateway's configuration. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the position log.
    pub dir: PathBuf,
    /// Where JT/T 808 listens on TCP; none if absent.
    #[serde(default = "listen_default")]
    pub tcp: Option<SocketAddr>,
    /// Where JT/T 808 listens on UDP.
    #[serde(default = "listen_default")]
    pub udp: Option<SocketAddr>,
    /// Where phone apps report by HTTP (OsmAnd protocol).
    #[serde(default)]
    pub osmand: Option<SocketAddr>,
    /// Broker of OwnTracks phones and house topics.
    #[serde(default)]
    pub mqtt: Option<MqttConfig>,
    /// Upper platforms by JT/T 809.
    #[serde(default)]
    pub platforms: Vec<PlatformConfig>,
    /// Links at once.
    #[serde(default = "connections_default")]
    pub connections_max: usize,
    /// Links at once from one address.
    #[serde(default = "connections_address_default")]
    pub connections_an_address_max: usize,
    /// Whether terminals must authenticate before they are heard.
    #[serde(default)]
    pub require_authentication: bool,
    /// Whether terminals without an entry below are heard.
    #[serde(default = "yes")]
    pub accept_unknown: bool,
    /// File with the secret that authentication codes are made from.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Rectangle of operation in degrees: west, south, east, north.
    #[serde(default)]
    pub region: Option<[f64; 4]>,
    /// Silence that closes a link, seconds.
    #[serde(default)]
    pub idle_s: Option<i64>,
    /// Bytes of a segment before it is sealed.
    #[serde(default)]
    pub segment_bytes: Option<u64>,
    /// Hours before a segment is sealed.
    #[serde(default)]
    pub segment_hours: Option<i64>,
    /// Free bytes below which nothing is stored.
    #[serde(default)]
    pub free_bytes_floor: Option<u64>,
    /// Whether sealed segments are filed as Parquet by day, in the folder `tracks` of `dir`.
    #[serde(default = "yes")]
    pub tracks: bool,
    /// Days that raw segments are kept once they are filed as Parquet; for ever if absent.
    #[serde(default)]
    pub keep_segments_days: Option<u32>,
    /// Days that Parquet files are kept; for ever if absent.
    #[serde(default)]
    pub keep_files_days: Option<u32>,
    /// Settings by terminal.
    #[serde(default)]
    pub terminals: BTreeMap<String, TerminalProfile>,
}

/// A broker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    #[serde(default = "mqtt_port")]
    pub port: u16,
    /// Client identity; one gateway an identity.
    #[serde(default = "mqtt_client")]
    pub client: String,
    /// User, if the broker asks.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Topics to subscribe to.
    #[serde(default = "mqtt_topics")]
    pub topics: Vec<String>,
}

/// An upper platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// Name of the outbox.
    pub name: String,
    /// Address of the main link.
    pub address: String,
    /// Where the upper platform connects back to, if it does.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Address told at login for the link back.
    #[serde(default)]
    pub told_address: Option<String>,
    /// User given by the upper platform.
    pub user: u32,
    /// File with the password, eight bytes at most.
    pub password_file: PathBuf,
    /// Access code given by the upper platform.
    pub access_code: u32,
    /// Edition: 2011 or 2019.
    #[serde(default = "edition_default")]
    pub edition: u16,
    /// Encryption constants M1, IA1, IC1.
    #[serde(default)]
    pub encryption: Option<[u32; 3]>,
    /// Plate and colour by vehicle name; only these vehicles are forwarded.
    #[serde(default)]
    pub vehicles: BTreeMap<String, PlatformVehicle>,
}

/// A vehicle as an upper platform knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformVehicle {
    /// Number plate.
    pub plate: String,
    /// Colour of the plate: 1 blue, 2 yellow, 3 black, 4 white, 5 green, 9 other.
    pub colour: u8,
}

#[allow(clippy::unnecessary_wraps)] // the shape serde asks for
fn listen_default() -> Option<SocketAddr> {
    Some(SocketAddr::from(([0, 0, 0, 0], 7808)))
}

fn connections_default() -> usize {
    limits::CONNECTIONS_MAX
}

fn connections_address_default() -> usize {
    limits::CONNECTIONS_AN_ADDRESS_MAX
}

fn yes() -> bool {
    true
}

fn mqtt_port() -> u16 {
    1883
}

fn mqtt_client() -> String {
    "xiangyun-gateway".to_owned()
}

fn mqtt_topics() -> Vec<String> {
    vec!["owntracks/+/+".to_owned(), "fleet/+/+/pos".to_owned()]
}

fn edition_default() -> u16 {
    2011
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigFault`] names file, line and key.
    pub fn read(path: &Path) -> Result<Self, ConfigFault> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFault::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|message| ConfigFault::Form { path: path.to_owned(), message })
    }

    /// Reads a configuration from text.
    ///
    /// # Errors
    /// What is wrong, with line and key.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|err| err.to_string().trim().to_owned())
    }

    /// A configuration with defaults for everything but the folder, listening nowhere.
    #[must_use]
    pub fn in_folder(dir: impl Into<PathBuf>) -> Self {
        let mut config = Self::parse("dir = \".\"").expect("the folder is the only key without a default");
        config.dir = dir.into();
        config.tcp = None;
        config.udp = None;
        config
    }

    /// The settings of sessions.
    ///
    /// # Errors
    /// [`ConfigFault::Read`] for the secret, [`ConfigFault::Form`] for a region that is none.
    pub fn sessions(&self) -> Result<SessionSettings, ConfigFault> {
        let mut settings = SessionSettings {
            require_authentication: self.require_authentication,
            accept_unknown: self.accept_unknown,
            ..SessionSettings::default()
        };
        if let Some(path) = &self.secret_file {
            settings.secret = read_secret(path)?;
        }
        if let Some([west, south, east, north]) = self.region {
            let good = west < east
                && south < north
                && west >= -180.0
                && east <= 180.0
                && south >= -90.0
                && north <= 90.0;
            if !good {
                let message = "region must be west, south, east, north in degrees".to_owned();
                return Err(ConfigFault::Form { path: self.dir.clone(), message });
            }
            let e6 = |degrees: f64| (degrees * 1e6).round() as i32;
            settings.region = Area {
                min_lon_e6: e6(west),
                min_lat_e6: e6(south),
                max_lon_e6: e6(east),
                max_lat_e6: e6(north),
            };
        }
        if let Some(idle_s) = self.idle_s {
            settings.idle_ms = idle_s.max(1) * 1_000;
        }
        let profile = |(key, profile): (&String, &TerminalProfile)| (TerminalKey::new(key), profile.clone());
        settings.profiles = self.terminals.iter().map(profile).collect();
        Ok(settings)
    }

    /// How long segments and track files are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            segments_days: self.keep_segments_days,
            files_days: self.keep_files_days,
            hold_from_seq: None,
        }
    }

    /// The settings of the position log.
    #[must_use]
    pub fn segments(&self, clock: segments::Clock) -> segments::Settings {
        let mut settings = segments::Settings::new(clock);
        if let Some(bytes) = self.segment_bytes {
            settings.segment_bytes = bytes.max(4096);
        }
        if let Some(hours) = self.segment_hours {
            settings.segment_age_ms = hours.max(1) * 3_600_000;
        }
        if let Some(bytes) = self.free_bytes_floor {
            settings.free_bytes_floor = bytes;
        }
        settings
    }
}

/// Reads a secret, without the newline at its end.
pub(super) fn read_secret(path: &Path) -> Result<String, ConfigFault> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigFault::Read { path: path.to_owned(), source })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_manual_is_one() {
        let page = include_str!("../../../../docs/gateway.md");
        let text = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let config = Config::parse(text).unwrap();
        assert_eq!(config.platforms[0].vehicles["豫D12345"].colour, 2);
        assert_eq!(config.retention().segments_days, Some(30));
        assert_eq!(config.terminals.len(), 1);
    }

    #[test]
    fn a_small_file_is_enough_and_a_wrong_key_is_named() {
        let config = Config::parse(
            "dir = \"/data\"\n[terminals.013912345678]\ndatum = \"gcj02\"\nvehicle = \"V07\"\n",
        )
        .unwrap();
        assert_eq!(config.tcp.unwrap().port(), 7808);
        let sessions = config.sessions().unwrap();
        let profile = &sessions.profiles[&TerminalKey::new("13912345678")];
        assert_eq!(profile.vehicle.as_deref(), Some("V07"));
        let wrong = Config::parse("dir = \"/data\"\nprot = 1\n").unwrap_err();
        assert!(wrong.contains("prot") && wrong.contains("line 2"), "{wrong}");
    }
}
