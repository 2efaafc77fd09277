//! The encryption of JT/T 809 bodies: a linear congruential stream. It hides, it does not protect.

use crate::fault::Fault;

/// The constants agreed for one lower platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    m1: u32,
    ia1: u32,
    ic1: u32,
}

impl Cipher {
    /// The constants M1, IA1 and IC1.
    ///
    /// # Errors
    /// [`Fault::ZeroModulus`] when M1 is 0, by which the stream would divide.
    pub const fn new(m1: u32, ia1: u32, ic1: u32) -> Result<Self, Fault> {
        if m1 == 0 { Err(Fault::ZeroModulus) } else { Ok(Self { m1, ia1, ic1 }) }
    }

    /// The constants as `M1,IA1,IC1` in decimal.
    ///
    /// # Errors
    /// [`Fault::Value`] when they are not three numbers, [`Fault::ZeroModulus`] when M1 is 0.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let numbers: Vec<u32> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
        match (numbers.as_slice(), text.split(',').count()) {
            ([m1, ia1, ic1], 3) => Self::new(*m1, *ia1, *ic1),
            _ => Err(Fault::Value { key: "key", found: text.to_owned(), want: "three numbers M1,IA1,IC1" }),
        }
    }

    /// Encrypts or decrypts in place; the two are the same.
    ///
    /// ```
    /// use xiangyun_telematics::jt809::Cipher;
    /// let cipher = Cipher::new(30_000_000, 20_000_000, 20_000_000).unwrap();
    /// let mut body = [1, 2, 3, 4, 5, 6, 7];
    /// cipher.apply(256_178, &mut body);
    /// assert_eq!(body, [0xd3, 0x4c, 0x70, 0x78, 0xa7, 0x3a, 0x41]);
    /// ```
    pub fn apply(&self, key: u32, bytes: &mut [u8]) {
        let mut key = key.max(1);
        for byte in bytes {
            key = self.ia1.wrapping_mul(key % self.m1).wrapping_add(self.ic1);
            *byte ^= (key >> 20) as u8;
        }
    }
}
