//! Maps by text for plans that are looked at in milliseconds: a quick hash, seeded anew in every process, as keys come from
//! outside. Nothing may depend on their order.

/// A map that hashes quickly.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
