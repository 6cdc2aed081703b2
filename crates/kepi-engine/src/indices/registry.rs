//! BCI (Weibo) and VCI (short video) as provincial registries compute them: simpler than 清博's own.

use super::{Index, Input, at, log};

const WEIBO: &[Input] = &[
    Input::of_posts("posts", "count_posts()"),
    Input::of_posts("reposts", "shares"),
    Input::of_posts("comments", "comments"),
    Input::of_posts("likes", "likes"),
];

const VIDEO: &[Input] = &[
    Input::of_posts("videos", "count_posts()"),
    Input::of_posts("shares", "shares"),
    Input::of_posts("comments", "comments"),
    Input::of_posts("likes", "likes"),
];

pub(super) const BCI: Index = Index {
    id: "bci@registry",
    platform: "weibo",
    title: "Weibo communication index, registry form",
    title_zh: "微博传播指数 BCI（登记表）",
    inputs: WEIBO,
    source: "zjip.org.cn 75574, 74107, 74081 and others, by copies that agree",
    grade: 'B',
    function,
};

pub(super) const VCI: Index = Index {
    id: "vci@registry",
    platform: "douyin",
    title: "Short-video communication index, registry form",
    title_zh: "短视频传播指数 VCI（登记表）",
    inputs: VIDEO,
    source: "zjip.org.cn 75579",
    grade: 'B',
    function,
};

fn function(v: &[f64]) -> f64 {
    let answered = 0.4 * log(at(v, 1)) + 0.4 * log(at(v, 2)) + 0.2 * log(at(v, 3));
    (0.2 * log(at(v, 0)) + 0.8 * answered) * 160.0
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn golden() {
        check("bci@registry", &[35.0, 1200.0, 800.0, 5000.0], 7.0, 1038.09, 5e-3);
        check("vci@registry", &[14.0, 3000.0, 900.0, 42_000.0], 7.0, 1117.46, 5e-3);
    }
}
