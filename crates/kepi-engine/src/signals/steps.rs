//! What to do after a signal: assess, gather, experiment, in words that name the KPI and where it is.

use serde::Serialize;

use super::signal::{SignalKind, Steps};

/// The same in each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// Of what the words are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// The KPI's English name.
    pub(super) en: &'a str,
    /// The KPI's Chinese name, or its English one.
    pub(super) zh: &'a str,
    /// The platforms, or the part of the scope.
    pub(super) place_en: &'a str,
    pub(super) place_zh: &'a str,
    /// What the KPI's file says to do when it moves.
    pub(super) when_low: Option<&'a str>,
}

impl Named<'_> {
    fn fill(&self, (en, zh): (&str, &str)) -> Words {
        Words {
            en: en.replace("{kpi}", self.en).replace("{place}", self.place_en),
            zh: zh.replace("{kpi}", self.zh).replace("{place}", self.place_zh),
        }
    }
}

/// What a kind of signal says.
pub(super) fn title(kind: SignalKind) -> Words {
    let (en, zh) = match kind {
        SignalKind::Misses => ("consistently below target or benchmark", "持续未达目标或基准"),
        SignalKind::SpendWithoutReturn => ("engagement falls while spend rises", "投放增加而互动下降"),
        SignalKind::StagnantGrowth => ("growth stands still", "增长停滞"),
        SignalKind::DecliningEngagement => ("engagement declines", "互动下降"),
        SignalKind::WorseReputation => ("ratings or sentiment fall", "口碑下滑"),
        SignalKind::WeakFormat => ("a content type consistently underperforms", "某类内容持续偏弱"),
        SignalKind::Market => ("competitors gain", "竞品走强"),
        SignalKind::DataProblem => ("data problem", "数据问题"),
        SignalKind::Anomaly => ("a day stands out", "单日异常"),
        SignalKind::Shift => ("the level shifted", "水平突变"),
        SignalKind::Chart => ("outside of the process limits", "超出过程控制限"),
    };
    Words { en: en.to_owned(), zh: zh.to_owned() }
}

/// The three steps after a signal. What the KPI's own file says to do when it moves comes first.
pub(super) fn steps(kind: SignalKind, named: Named<'_>) -> Steps {
    let [mut assess, gather, experiment] = of(kind).map(|pair| named.fill(pair));
    if let Some(own) = named.when_low {
        assess.en = format!("{own}. {}", assess.en);
        assess.zh = format!("{own}。{}", assess.zh);
    }
    Steps { assess, gather, experiment }
}

/// English and Chinese of assess, gather, experiment.
fn of(kind: SignalKind) -> [(&'static str, &'static str); 3] {
    match kind {
        SignalKind::Misses => [
            (
                "Look at {kpi} on {place} period by period: was the target out of reach, or did the work change?",
                "逐期查看{place}的{kpi}：是目标定得过高，还是做法变了？",
            ),
            (
                "Compare with own like periods (kepi targets suggest) and ask the owner what was planned and not done.",
                "与自身同类周期对比（kepi targets suggest），并向负责人了解哪些计划没有执行。",
            ),
            (
                "Change one thing for one period, with {kpi} as its measure; else set the target anew and write down why.",
                "用一个周期只改变一件事，以{kpi}衡量；否则重设目标并记录理由。",
            ),
        ],
        SignalKind::SpendWithoutReturn => [
            (
                "See which campaigns and placements on {place} took the added money, and how {kpi} moved in each.",
                "查看{place}新增花费进入了哪些计划和版位，{kpi}在其中各自如何变化。",
            ),
            (
                "Collect frequency, audience and creative of the last weeks: is the same audience shown the same things?",
                "收集最近几周的频次、人群与创意：是否同一批人反复看到相同内容？",
            ),
            (
                "Hold the spend of one campaign where it was for two weeks and compare {kpi} with those that go on.",
                "将一个计划的花费恢复到原水平两周，与其余计划对比{kpi}。",
            ),
        ],
        SignalKind::StagnantGrowth => [
            (
                "Take gains and losses of {kpi} on {place} apart: do fewer come, or do more leave?",
                "把{place}{kpi}的新增与流失分开看：是来的少了，还是走的多了？",
            ),
            (
                "Look at cadence, reach beyond followers, and what brought followers in the earlier weeks.",
                "查看发布频率、非粉丝触达，以及此前几周靠什么带来粉丝。",
            ),
            (
                "Try one new source of followers (a format, a partner, a topic) for four weeks and count what it brings.",
                "用四周尝试一个新的涨粉来源（形式、合作、话题），并统计带来的粉丝。",
            ),
        ],
        SignalKind::DecliningEngagement => [
            (
                "Break {kpi} on {place} down by format and by week: does all of it fall, or one part?",
                "按形式和周拆分{place}的{kpi}：是全面下降，还是某一部分下降？",
            ),
            (
                "Read comments of the weakest weeks, and check whether reach or the audience changed.",
                "阅读最弱几周的评论，并确认触达或受众是否变化。",
            ),
            (
                "Give one format or topic that held up more room for four weeks and hold it against the rest.",
                "用四周给保持良好的形式或话题更多篇幅，并与其余内容对比。",
            ),
        ],
        SignalKind::WorseReputation => [
            (
                "Read the worst ratings and mentions on {place} behind {kpi} first: one cause or many?",
                "先阅读{place}{kpi}背后最差的评价与提及：原因是一个还是多个？",
            ),
            (
                "Sort them by cause, and ask service and product what happened in these weeks.",
                "按原因归类，并向客服和产品了解这几周发生了什么。",
            ),
            (
                "Answer and mend the most frequent cause, and watch {kpi} over as many ratings as before.",
                "回应并解决最常见的原因，在同样数量的评价上再看{kpi}。",
            ),
        ],
        SignalKind::WeakFormat => [
            (
                "See the posts of this content type on {place} from best to worst by {kpi}: is it the type, or a few topics?",
                "按{kpi}把{place}这类内容从好到差排列：是类型问题，还是少数话题问题？",
            ),
            (
                "Check what the type is for: does it serve another goal that {kpi} does not see?",
                "确认这类内容的目的：是否服务于{kpi}看不到的其他目标？",
            ),
            (
                "Replace half of its posts by another type for a month and compare the two halves.",
                "用一个月把其中一半换成其他类型，并比较两半。",
            ),
        ],
        SignalKind::Market => [
            (
                "See which competitor gained beside {kpi} on {place}, when, and with what.",
                "查看{place}上哪个竞品在{kpi}旁走强、何时、靠什么。",
            ),
            (
                "Check that the query set and the sources stayed the same; then collect what audiences say of both.",
                "确认查询词与来源未变；再收集受众对双方的评价。",
            ),
            (
                "Answer on one topic where the brand has something to say, and measure {kpi} before and after.",
                "选择品牌有话可说的一个话题作出回应，并测量{kpi}前后变化。",
            ),
        ],
        SignalKind::DataProblem => [
            (
                "Do not act on {kpi} on {place} yet: numbers are missing, may still change, or could not be fetched.",
                "暂不要依据{place}的{kpi}行动：数据缺失、尚会变化，或无法获取。",
            ),
            (
                "See kepi runs for what failed; bring credentials (kepi auth), backfill (kepi backfill) or import what is missing.",
                "用 kepi runs 查看失败原因；更新授权（kepi auth）、回补（kepi backfill）或导入缺失数据。",
            ),
            (
                "Look again when the days are complete: only then is there something to try.",
                "待数据完整后再看：届时才谈得上尝试。",
            ),
        ],
        SignalKind::Anomaly => [
            (
                "See which posts made the day of {kpi} on {place}: one post, a campaign, or the data?",
                "查看{place}{kpi}当天由哪些内容造成：单条内容、活动，还是数据问题？",
            ),
            (
                "Look for what happened outside: news, a mention, an outage.",
                "查看外部发生了什么：新闻、被提及、故障。",
            ),
            (
                "If it was a post, do it again in another form within two weeks and see whether it repeats.",
                "若由某条内容引起，两周内换一种形式再做一次，看能否重现。",
            ),
        ],
        SignalKind::Shift => [
            (
                "Find what changed on {place} on the day from which {kpi} stands at another height.",
                "找出{kpi}水平改变当天{place}上发生了什么变化。",
            ),
            (
                "Check for changes of the platform, of tracking and of the plan in that week.",
                "检查当周平台、统计口径与计划是否有变化。",
            ),
            (
                "Turn one change back for two weeks where that is possible, and see whether {kpi} follows.",
                "在可行时将其中一项改动撤回两周，看{kpi}是否随之变化。",
            ),
        ],
        SignalKind::Chart => [
            (
                "The week of {kpi} on {place} is not noise: find its cause before its number is used.",
                "{place}{kpi}这一周不是噪声：使用数字前先找出原因。",
            ),
            (
                "Put the weeks before and after beside what was published and spent.",
                "把前后几周与发布和花费放在一起看。",
            ),
            (
                "If the cause was yours, repeat it on purpose; if not, change nothing.",
                "若原因在己方，有意重复一次；否则不作改变。",
            ),
        ],
    }
}
