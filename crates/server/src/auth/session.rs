//! Sessions of people and credentials of keys: random references kept by their hash, in memory and in a table.

use super::secret::{random_token, same, sha256_hex};
use super::{Caller, Via};
use crate::app::App;
use crate::clock::wall_ms;
use crate::machine::read;
use crate::office::{Role, Standing};
use axum::http::{HeaderMap, header};
use sqlx::Row;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xiangyun_store::backend::Store;
use xiangyun_store::error::StoreError;
use xiangyun_store::op::{Op, Value};

/// Sessions at once; the longest idle makes room.
pub const SESSIONS_MAX: usize = 20_000;
/// Name of the cookie; with TLS it carries the `__Host-` prefix.
pub const COOKIE: &str = "xiangyun";

/// A session.
#[derive(Clone, Debug)]
struct Session {
    user: String,
    created_ms: i64,
    seen_ms: i64,
}

/// What opens doors: never in an event, never in a log.
#[derive(Default)]
pub struct Doors {
    sessions: Mutex<HashMap<String, Session>>,
    credentials: Mutex<HashMap<String, String>>,
    first_run: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Doors {
    /// Reads what the tables keep.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn load(store: &Store, county: &str) -> Result<Self, StoreError> {
        let doors = Self::default();
        for row in sqlx::query("SELECT name, secret FROM credential WHERE county = $1")
            .bind(county.to_owned())
            .fetch_all(store.readers())
            .await?
        {
            lock(&doors.credentials).insert(row.try_get("name")?, row.try_get("secret")?);
        }
        for row in sqlx::query("SELECT hash, user_id, created_ms FROM session WHERE county = $1")
            .bind(county.to_owned())
            .fetch_all(store.readers())
            .await?
        {
            let session = Session {
                user: row.try_get("user_id")?,
                created_ms: row.try_get("created_ms")?,
                seen_ms: wall_ms(),
            };
            lock(&doors.sessions).insert(row.try_get("hash")?, session);
        }
        Ok(doors)
    }

    /// The secret kept under a name: `user/ID` an argon2 hash, `key/ID` a SHA-256, `webhook/ID` sealed.
    #[must_use]
    pub fn credential(&self, name: &str) -> Option<String> {
        lock(&self.credentials).get(name).cloned()
    }

    /// Keeps a secret in memory, its row being written by the command.
    pub fn keep(&self, name: &str, secret: &str) {
        lock(&self.credentials).insert(name.to_owned(), secret.to_owned());
    }

    /// Makes the first-run token.
    pub fn open_first_run(&self) -> String {
        let token = format!("first-{}", random_token());
        *lock(&self.first_run) = Some(sha256_hex(token.as_bytes()));
        token
    }

    /// Opens a session; gives its reference, its hash and the row to write.
    pub fn open(&self, county: &str, user: &str) -> (String, Op) {
        let reference = random_token();
        let hash = sha256_hex(reference.as_bytes());
        let now = wall_ms();
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, s)| s.seen_ms).map(|(h, _)| h.clone())
        {
            sessions.remove(&oldest);
        }
        sessions.insert(hash.clone(), Session { user: user.to_owned(), created_ms: now, seen_ms: now });
        drop(sessions);
        let op = Op::new(
            "INSERT INTO session (county, hash, user_id, created_ms) VALUES ($1, $2, $3, $4)",
            vec![
                Value::Text(county.to_owned()),
                Value::Text(hash),
                Value::Text(user.to_owned()),
                Value::Int(now),
            ],
        );
        (reference, op)
    }

    /// Ends a session; gives the row to remove.
    pub fn close(&self, county: &str, hash: &str) -> Op {
        lock(&self.sessions).remove(hash);
        Op::new(
            "DELETE FROM session WHERE county = $1 AND hash = $2",
            vec![Value::Text(county.to_owned()), Value::Text(hash.to_owned())],
        )
    }

    /// Ends all sessions of a user; gives the rows to remove.
    pub fn close_all(&self, county: &str, user: &str) -> Op {
        lock(&self.sessions).retain(|_, s| s.user != user);
        Op::new(
            "DELETE FROM session WHERE county = $1 AND user_id = $2",
            vec![Value::Text(county.to_owned()), Value::Text(user.to_owned())],
        )
    }

    fn user_of(&self, hash: &str, idle_ms: i64, whole_ms: i64) -> Option<String> {
        let now = wall_ms();
        let mut sessions = lock(&self.sessions);
        let session = sessions.get_mut(hash)?;
        if now - session.seen_ms > idle_ms || now - session.created_ms > whole_ms {
            sessions.remove(hash);
            return None;
        }
        session.seen_ms = now;
        Some(session.user.clone())
    }
}

/// The cookie's name under this configuration.
#[must_use]
pub fn cookie_name(secure: bool) -> String {
    if secure { format!("__Host-{COOKIE}") } else { COOKIE.to_owned() }
}

/// The `Set-Cookie` of a session reference.
#[must_use]
pub fn cookie(reference: &str, secure: bool, max_age_s: i64) -> String {
    let flag = if secure { "; Secure" } else { "" };
    format!(
        "{}={reference}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{flag}",
        cookie_name(secure)
    )
}

fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v.to_owned())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// Who asks, if they show it: a bearer key, the first-run token, or a session cookie.
#[must_use]
pub fn caller(app: &App, headers: &HeaderMap, from: IpAddr, request: &str) -> Option<Caller> {
    let made = |who: String, standing: Standing, via: Via, read_only: bool| Caller {
        who,
        standing,
        via,
        read_only,
        from,
        request: request.to_owned(),
    };
    if let Some(token) = bearer(headers) {
        if token.starts_with("first-") {
            let kept = lock(&app.doors.first_run).clone()?;
            if !same(&kept, &sha256_hex(token.as_bytes())) || read(&app.world).office.has_admin() {
                return None;
            }
            let standing = Standing { role: Role::Admin, carrier: None, site: None, vehicle: None };
            return Some(made("first-run".into(), standing, Via::FirstRun, false));
        }
        let (id, secret) = token.strip_prefix("xy_")?.split_once('_')?;
        let kept = app.doors.credential(&format!("key/{id}"))?;
        let world = read(&app.world);
        let key = world.office.keys.get(id)?;
        let good = same(&kept, &sha256_hex(secret.as_bytes())) && !key.revoked && key.expires_ms > wall_ms();
        return good.then(|| made(format!("key:{id}"), key.standing.clone(), Via::Key, key.read_only));
    }
    let reference = cookie_of(headers, &cookie_name(app.secure()))?;
    let hash = sha256_hex(reference.as_bytes());
    let auth = &app.config.auth;
    let user = app.doors.user_of(&hash, auth.idle_minutes * 60_000, auth.session_hours * 3_600_000)?;
    let world = read(&app.world);
    let found = world.office.users.get(&user).filter(|u| u.active)?;
    Some(made(user.clone(), found.standing.clone(), Via::Session(hash), false))
}
