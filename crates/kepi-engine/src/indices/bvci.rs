//! BVCI V2.0 of 清博 (Bilibili).

use super::{Index, Input, at, log};

const INPUTS: &[Input] = &[
    Input::of_posts("uploads", "count_posts()"),
    Input::of_posts("plays", "video_plays"),
    Input::of_posts("comments", "comments"),
    Input::of_account("fans", "followers_total"),
    Input::of_account("new fans", "follows_gained"),
];

pub(super) const BVCI: Index = Index {
    id: "bvci@2.0",
    platform: "bilibili",
    title: "Bilibili communication index, V2.0",
    title_zh: "B站传播指数 BVCI V2.0",
    inputs: INPUTS,
    source: "gsdata.cn/site/usage-8",
    grade: 'B',
    function: |v| {
        let days = at(v, 5);
        100.0
            * (0.15 * log(at(v, 0))
                + 0.25 * log(at(v, 1) / days)
                + 0.30 * log(at(v, 2) / days)
                + 0.18 * log(at(v, 3))
                + 0.12 * log(at(v, 4)))
    },
};

#[cfg(test)]
mod tests {
    use super::super::check;

    /// 50 000 plays and 120 comments a day, over a week.
    #[test]
    fn golden() {
        check("bvci@2.0", &[10.0, 350_000.0, 840.0, 200_000.0, 1_500.0], 7.0, 757.81, 5e-3);
    }
}
