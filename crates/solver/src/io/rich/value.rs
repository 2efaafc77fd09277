//! Whole numbers and bounded lists as JSON gives them.

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A whole number. Values beyond 64 bits saturate, so that validation, not the parser, refuses them with their path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub struct Int(pub i64);

impl Serialize for Int {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Int;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Int, E> {
                Ok(Int(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Int, E> {
                Ok(Int(i64::try_from(value).unwrap_or(i64::MAX)))
            }

            #[allow(clippy::cast_possible_truncation)] // `as` saturates, which is what is wanted
            fn visit_f64<E: Error>(self, value: f64) -> Result<Int, E> {
                if value.fract() == 0.0 {
                    return Ok(Int(value as i64));
                }
                Err(E::invalid_type(serde::de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Whole)
    }
}

/// A list that refuses to grow beyond `MOST`, so that a file cannot fill memory.
pub(super) fn bounded<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<T, const MOST: usize>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = seq.next_element()? {
                if list.len() == MOST {
                    return Err(A::Error::custom(format!("{TOO_MANY}; at most {MOST}")));
                }
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(List::<T, MOST>(PhantomData))
}

/// How a parse error of [`bounded`] begins.
pub(super) const TOO_MANY: &str = "too many items";

/// The hole of a matrix: `null` in JSON, and VROOM's largest 32-bit number.
pub const HOLE: i64 = -1;

/// One row of a matrix, holes as [`HOLE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Row(#[schemars(with = "Vec<Option<i64>>")] pub Vec<i64>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|&cell| (cell != HOLE).then_some(cell)))
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cell(i64);
        impl<'de> Deserialize<'de> for Cell {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let cell = Option::<Int>::deserialize(deserializer)?;
                // A negative number stays recognisable as one.
                Ok(Self(cell.map_or(HOLE, |Int(v)| if v < 0 { i64::MIN } else { v })))
            }
        }
        let cells: Vec<Cell> = bounded::<ROW_MAX, _, _>(deserializer)?;
        Ok(Self(cells.into_iter().map(|cell| cell.0).collect()))
    }
}

/// Most places of a matrix in JSON.
pub(super) const ROW_MAX: usize = 6_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_saturate_and_fractions_are_refused() {
        let read = |text: &str| serde_json::from_str::<Int>(text).map(|i| i.0);
        assert_eq!(read("7").expect("whole"), 7);
        assert_eq!(read("7.0").expect("whole"), 7);
        assert_eq!(read("99999999999999999999999").expect("saturates"), i64::MAX);
        assert!(read("7.5").is_err() && read("\"7\"").is_err());
    }

    #[test]
    fn rows_keep_holes_apart_from_negatives() {
        let row: Row = serde_json::from_str("[1, null, -1]").expect("a row");
        assert_eq!(row.0, [1, HOLE, i64::MIN]);
        assert_eq!(serde_json::to_string(&Row(vec![1, HOLE])).expect("plain"), "[1,null]");
    }
}
