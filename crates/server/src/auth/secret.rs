//! Secrets: passwords by argon2id, random tokens by their SHA-256.

use crate::problem::Problem;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Shortest password in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Passwords worked on at once, so that a flood of sign-ins cannot take the processors.
pub const HASHING_MAX: usize = 2;
/// Passwords that may wait; more are refused.
pub const HASHING_WAITING_MAX: usize = 256;
/// Memory of one hash in KiB (OWASP ASVS 5.0: argon2id, 19 MiB, two passes).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Passwords that everybody tries first, of the lengths that we take, with the county's own names in mind.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "123123123123",
    "111111111111",
    "000000000000",
    "888888888888",
    "666666666666",
    "password1234",
    "passwordpassword",
    "password12345",
    "qwertyuiopas",
    "qwertyuiop12",
    "1qaz2wsx3edc",
    "1q2w3e4r5t6y",
    "abcd12345678",
    "abc123456789",
    "a1234567890b",
    "administrator",
    "adminadminadmin",
    "admin1234567",
    "woaini123456",
    "woaini1314520",
    "iloveyou1234",
    "xiangyun1234",
    "xiangyun12345",
    "baofeng123456",
    "zaq12wsxcde3",
    "asdfghjkl123",
    "987654321098",
    "0987654321098",
];

/// Random URL-safe text of 256 bits.
#[must_use]
pub fn random_token() -> String {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Random id of 60 bits in letters and digits.
#[must_use]
pub fn random_id() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut bytes = [0u8; 12];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes.iter().map(|b| LETTERS[usize::from(b % 32)] as char).collect()
}

/// A random pick-up code of six digits.
#[must_use]
pub fn random_code() -> String {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("{:06}", u64::from_le_bytes(bytes) % 1_000_000)
}

/// SHA-256 in hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether two texts are equal, in a time that does not depend on where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("constants within the algorithm's range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads of their own for hashing. A hash takes 19 MiB; on the common pool each of its hundreds of threads would keep
/// that much of its allocator's arena for ever.
fn hashers() -> &'static SyncSender<Job> {
    static JOBS: OnceLock<SyncSender<Job>> = OnceLock::new();
    JOBS.get_or_init(|| {
        let (sender, receiver) = sync_channel::<Job>(HASHING_WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..HASHING_MAX {
            let receiver = Arc::clone(&receiver);
            let work = move || {
                loop {
                    let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = next else { return };
                    job();
                }
            };
            if let Err(err) = std::thread::Builder::new().name(format!("hash-{n}")).spawn(work) {
                tracing::error!(%err, "a thread for passwords could not be started");
            }
        }
        sender
    })
}

/// Works on a thread for hashing.
async fn on_hasher<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let (answer, got) = tokio::sync::oneshot::channel();
    let job: Job = Box::new(move || {
        // Whoever asked may have gone.
        let _ = answer.send(work());
    });
    hashers().try_send(job).map_err(|_| {
        Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "H612", "too many sign-ins at once")
            .retry(1)
    })?;
    got.await.map_err(|e| Problem::internal(&e))
}

/// Checks a new password against the rules.
///
/// # Errors
/// The rule that it breaks.
pub fn check_password(password: &str) -> Result<(), Problem> {
    let chars = password.chars().count();
    let fault = |detail: &str, cure: &str| {
        Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "H618", detail).at(
            "/password",
            "H618",
            detail,
            cure,
        )
    };
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        return Err(fault("a password of this length is not taken", "12 to 128 characters of any kind"));
    }
    if COMMON.contains(&password.to_lowercase().as_str()) {
        return Err(fault("this password is one that everybody tries first", "one of your own"));
    }
    Ok(())
}

/// Hashes a password on a thread of its own.
///
/// # Errors
/// A fault of the machine.
pub async fn hash_password(password: String) -> Result<String, Problem> {
    on_hasher(move || {
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt).expect("the operating system gives random bytes");
        hasher().hash_password_with_salt(password.as_bytes(), &salt).map(|h| h.to_string())
    })
    .await?
    .map_err(|e| Problem::internal(&e))
}

/// Whether a password fits a hash; a missing hash costs the same time.
///
/// # Errors
/// A fault of the machine.
pub async fn verify_password(password: String, hash: Option<String>) -> Result<bool, Problem> {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$pbG0r6jXmF9nT2VJ0pYx0jvD1u0oFq2u3sJ5N2m0m1A";
    on_hasher(move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODY.to_owned());
        let fits =
            PasswordHash::new(&text).is_ok_and(|h| hasher().verify_password(password.as_bytes(), &h).is_ok());
        known && fits
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_passwords() {
        assert!(check_password("short").is_err());
        assert!(check_password("123456789012").is_err());
        assert!(check_password("一二三四五六七八九十甲乙").is_ok());
        assert!(check_password(&"x".repeat(129)).is_err());
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let hash = hash_password("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!verify_password("correct horse".into(), Some(hash)).await.unwrap());
        assert!(!verify_password("anything".into(), None).await.unwrap());
    }

    #[test]
    fn tokens_do_not_repeat_and_comparison_is_exact() {
        assert_ne!(random_token(), random_token());
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab"));
        assert_eq!(random_code().len(), 6);
    }
}
