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
    let list = match known.len() {
        0 => "nothing".to_owned(),
        1..=SHOWN => known.join(", "),
        all => {
            let mut nearest = known.clone();
            nearest.sort_by_cached_key(|name| distance(&name));
            nearest.truncate(SHOWN_OF_MANY);
            format!("{} and {} more", nearest.join(", "), all - nearest.len())
        }
    };
    match near {
        Some(near) => format!("did you mean {near}? known are {list}"),
        None => format!("known are {list}"),
    }
}

/// So many names are listed whole …
const SHOWN: usize = 40;

/// … and of more, so many.
const SHOWN_OF_MANY: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first() {
        let known = ["followers", "date"];
        assert_eq!(hint("folowers", known.into_iter()), "did you mean followers? known are date, followers");
        let many: Vec<String> = (0..50).map(|number| format!("metric_{number}")).collect();
        let hint_of_many = hint("metric_49x", many.iter().map(String::as_str));
        assert!(hint_of_many.starts_with("did you mean metric_49? known are metric_49, "), "{hint_of_many}");
        assert!(hint_of_many.ends_with(" and 44 more") && hint_of_many.len() < 120, "{hint_of_many}");
        assert_eq!(hint("xyz", known.into_iter()), "known are date, followers");
    }
}
