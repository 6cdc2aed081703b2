//! Maps and sets with a quick, seeded hash: a commit looks every post up some twenty times.

/// A map.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set.
pub(crate) type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;
