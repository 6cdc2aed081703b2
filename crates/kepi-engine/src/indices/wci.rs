//! WCI V14.2 of 清博 (WeChat): four blocks of logarithms, in the two forms that are in circulation.

use super::{Index, Input, at, log};

const INPUTS: &[Input] = &[
    Input::of_posts("reads", "reads"),
    Input::of_posts("zaikan", "zaikan"),
    Input::of_posts("likes", "likes"),
    Input::of_posts("shares", "shares"),
    Input::of_posts("articles", "count_posts()"),
    Input::of_headlines("headline reads", "reads"),
    Input::of_headlines("headline zaikan", "zaikan"),
    Input::of_headlines("headline likes", "likes"),
    Input::of_headlines("headline shares", "shares"),
    Input::of_posts("most reads of an article", "max_over_posts(reads)"),
    Input::of_posts("most zaikan of an article", "max_over_posts(zaikan)"),
    Input::of_posts("most likes of an article", "max_over_posts(likes)"),
    Input::of_posts("most shares of an article", "max_over_posts(shares)"),
];

const WITHOUT: &[Input] = &[
    Input::of_posts("reads", "reads"),
    Input::of_posts("zaikan", "zaikan"),
    Input::of_posts("likes", "likes"),
    Input::of_posts("articles", "count_posts()"),
    Input::of_headlines("headline reads", "reads"),
    Input::of_headlines("headline zaikan", "zaikan"),
    Input::of_headlines("headline likes", "likes"),
    Input::of_posts("most reads of an article", "max_over_posts(reads)"),
    Input::of_posts("most zaikan of an article", "max_over_posts(zaikan)"),
    Input::of_posts("most likes of an article", "max_over_posts(likes)"),
];

pub(super) const WITH_SHARES: Index = Index {
    id: "wci@14.2-share",
    platform: "wechat",
    title: "WeChat communication index, V14.2 with shares",
    title_zh: "微信传播指数 WCI V14.2（含分享）",
    inputs: INPUTS,
    source: "gsdata.cn/site/usage-1, by a mirror",
    grade: 'B',
    function: |v| {
        let (n, d) = (at(v, 4), at(v, 13));
        let block = |from: usize, over: f64| {
            0.70 * log(at(v, from) / over)
                + 0.09 * log(10.0 * at(v, from + 1) / over)
                + 0.06 * log(10.0 * at(v, from + 2) / over)
                + 0.15 * log(10.0 * at(v, from + 3) / over)
        };
        together(block(0, d), if n > 0.0 { block(0, n) } else { 0.0 }, block(5, d), block(9, 1.0))
    },
};

pub(super) const WITHOUT_SHARES: Index = Index {
    id: "wci@14.2",
    platform: "wechat",
    title: "WeChat communication index, V14.2 without shares",
    title_zh: "微信传播指数 WCI V14.2",
    inputs: WITHOUT,
    source: "weizhi.cc tech 262353; php1.cn LiYong_Python",
    grade: 'C',
    function: |v| {
        let (n, d) = (at(v, 3), at(v, 10));
        let block = |from: usize, over: f64| {
            0.85 * log(at(v, from) / over)
                + 0.09 * log(10.0 * at(v, from + 1) / over)
                + 0.06 * log(10.0 * at(v, from + 2) / over)
        };
        together(block(0, d), if n > 0.0 { block(0, n) } else { 0.0 }, block(4, d), block(7, 1.0))
    },
};

/// Daily means, means per article, headlines, maxima.
fn together(overall: f64, article: f64, headline: f64, peak: f64) -> f64 {
    (0.6 * overall + 0.2 * article + 0.1 * headline + 0.1 * peak).powi(2) * 1.2 * 10.0
}

#[cfg(test)]
mod tests {
    use super::super::check;

    /// A week of 14 articles.
    #[test]
    fn golden() {
        let week = [
            70_000.0, 350.0, 700.0, 2_100.0, 14.0, 49_000.0, 245.0, 490.0, 1_400.0, 21_000.0, 105.0, 210.0,
            630.0,
        ];
        check("wci@14.2-share", &week, 7.0, 871.405, 5e-4);
        let week = [70_000.0, 350.0, 700.0, 14.0, 49_000.0, 245.0, 490.0, 21_000.0, 105.0, 210.0];
        check("wci@14.2", &week, 7.0, 908.876, 5e-4);
    }
}
