//! NRI of 新榜 (WeChat), as one public port of it computes it.

use super::{Index, Input, at, log};

const INPUTS: &[Input] = &[
    Input::of_posts("reads", "reads"),
    Input::of_posts("articles", "count_posts()"),
    Input::of_posts("most reads of an article", "max_over_posts(reads)"),
    Input::of_headlines("headline reads", "reads"),
    Input::of_posts("likes", "likes"),
];

pub(super) const NRI: Index = Index {
    id: "nri@port",
    platform: "wechat",
    title: "Newrank index, as ported",
    title_zh: "新榜指数 NRI",
    inputs: INPUTS,
    source: "one public code file; the publisher's own text could not be read",
    grade: 'C',
    function: |v| {
        let (reads, articles, days) = (at(v, 0), at(v, 1), at(v, 5));
        if articles <= 0.0 {
            return 0.0;
        }
        0.75 * part(reads, 800_000.0 * days)
            + 0.10 * part(reads / articles, 100_000.0)
            + 0.05 * part(at(v, 2), 100_000.0)
            + 0.05 * part(at(v, 3), 100_000.0 * days)
            + 0.05 * part(at(v, 4), 80_000.0 * days)
    },
};

/// 1000 at the most.
fn part(value: f64, most: f64) -> f64 {
    1000.0 * log(value) / log(most)
}

#[cfg(test)]
mod tests {
    use super::{super::check, *};

    #[test]
    fn golden() {
        check("nri@port", &[70_000.0, 14.0, 21_000.0, 49_000.0, 700.0], 7.0, 720.57, 5e-3);
        assert_eq!(NRI.value(&[Some(0.0); 5], 7.0), Ok(0.0));
    }
}
