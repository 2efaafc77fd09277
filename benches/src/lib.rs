//! What several benchmarks share: processor clocks, the folder of test data.

pub mod addresses;
pub mod clock;
pub mod decode;
pub mod seeded;

use std::path::PathBuf;

/// A file of the test data folder named by `XIANGYUN_TESTDATA`, if there.
#[must_use]
pub fn testdata(path: &str) -> Option<PathBuf> {
    let file = PathBuf::from(std::env::var_os("XIANGYUN_TESTDATA")?).join(path);
    file.exists().then_some(file)
}
