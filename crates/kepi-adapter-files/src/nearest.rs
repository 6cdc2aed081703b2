//! An unknown name is answered with the known ones, the nearest first.

/// "did you mean …? known are …".
pub(crate) fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.filter(|name| !name.is_empty()).collect();
    known.sort_unstable();
    known.dedup();
    let lower = name.to_lowercase();
    let distance = |other: &&&str| strsim::damerau_levenshtein(&lower, &other.to_lowercase());
    let near =
        known.iter().min_by_key(distance).filter(|near| distance(near) <= name.chars().count().div_ceil(2));
    let list = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    match near {
        Some(near) => format!("did you mean {near}? known are {list}"),
        None => format!("known are {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first() {
        let known = ["followers", "date"];
        assert_eq!(hint("folowers", known.into_iter()), "did you mean followers? known are date, followers");
        assert_eq!(hint("xyz", known.into_iter()), "known are date, followers");
    }
}
