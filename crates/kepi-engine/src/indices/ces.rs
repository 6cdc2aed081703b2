//! CES (Xiaohongshu) as many blogs tell it and no official page does.

use super::{Index, Input, at};

const INPUTS: &[Input] = &[
    Input::of_posts("likes", "likes"),
    Input::of_posts("saves", "saves"),
    Input::of_posts("comments", "comments"),
    Input::of_posts("shares", "shares"),
    Input::of_account("follows", "follows_gained"),
];

pub(super) const CES: Index = Index {
    id: "ces@folk",
    platform: "xiaohongshu",
    title: "Community engagement score, folk formula",
    title_zh: "小红书 CES（民间公式）",
    inputs: INPUTS,
    source: "yaosanwang.com/wx/51035, sjzkangxin.com 13060; others deny a fixed formula",
    grade: 'D',
    function: |v| at(v, 0) + at(v, 1) + 4.0 * at(v, 2) + 4.0 * at(v, 3) + 8.0 * at(v, 4),
};

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn golden() {
        check("ces@folk", &[500.0, 300.0, 60.0, 25.0, 12.0], 7.0, 1236.0, 1e-9);
    }
}
