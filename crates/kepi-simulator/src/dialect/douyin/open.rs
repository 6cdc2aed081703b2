//! The account on Douyin's open platform: who it is, its days, its fans.

use super::{BAD_PARAMETER, Fault, days, envelope};
use crate::{AccountDay, Counter, Profile, call::Call, json::Object};

/// `/oauth/userinfo/`: without a count of followers.
pub(super) fn user(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    envelope(call, |data| {
        data.text("open_id", &own.platform_id);
        data.text("union_id", &format!("union-{}", own.platform_id));
        data.text("nickname", &own.name);
        data.text("avatar", "https://p.example/a.jpeg");
        data.text("e_account_role", "EAccountM");
        data.int("gender", 0);
        data.text("city", "上海");
        data.text("province", "上海");
        data.text("country", "中国");
    })
}

/// `/data/external/user/*`
pub(super) fn account_days(call: &Call<'_>, own: &Profile, what: &str) -> Result<Vec<u8>, Fault> {
    let count = |counter| {
        move |row: &mut Object<'_>, key: &str, day: &AccountDay| row.int(key, day.content.total()[counter])
    };
    let span = days(call)?;
    let known = ["item", "fans", "like", "comment", "share", "profile"];
    if !known.contains(&what) {
        return Err(BAD_PARAMETER);
    }
    Ok(envelope(call, |data| {
        data.array("result_list", |list| {
            for date in call.told_days(own.key, span) {
                let day = call.day(own.key, date);
                list.object(|row| {
                    row.shown("date", date);
                    match what {
                        "item" => {
                            row.int("new_issue", day.flows.posts_published);
                            count(Counter::Views)(row, "new_play", &day);
                            row.int("total_issue", call.level(day.posts_total));
                        }
                        "fans" => {
                            row.int("total_fans", call.level(day.followers_total));
                            row.int("new_fans", day.flows.follows_gained);
                        }
                        "like" => count(Counter::Likes)(row, "new_like", &day),
                        "comment" => count(Counter::Comments)(row, "new_comment", &day),
                        "share" => count(Counter::Shares)(row, "new_share", &day),
                        _ => row.int("profile_uv", day.flows.profile_visit_users),
                    }
                });
            }
        });
    }))
}

/// `/api/douyin/v1/user/fans_data/`; some numbers are texts.
pub(super) fn portrait(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    let world = call.world;
    envelope(call, |data| {
        data.object("fans_data", |fans| {
            fans.int("all_fans_num", call.level(world.followers_at(own.key, call.now)));
            let mut facet = |key: &str, dimension: &str, name: &dyn Fn(&'static str) -> &'static str| {
                // Douyin's bands are wider than the world's.
                let mut bands: Vec<(&str, i64)> = Vec::new();
                for part in world.audience(own.key, dimension, call.now).iter() {
                    let (band, users) = (name(part.value), call.level(part.users));
                    match bands.iter_mut().find(|(known, _)| *known == band) {
                        Some((_, sum)) => *sum += users,
                        None => bands.push((band, users)),
                    }
                }
                fans.array(key, |list| {
                    for (i, (band, users)) in bands.into_iter().enumerate() {
                        list.object(|o| {
                            o.text("item", band);
                            if i % 2 == 1 { o.shown("value", users) } else { o.int("value", users) }
                        });
                    }
                });
            };
            let same = |value| value;
            facet("gender_distributions", "gender", &|value| match value {
                "M" => "1",
                "F" => "2",
                _ => "0",
            });
            facet("age_distributions", "age", &|value| match value {
                "13-17" | "18-24" => "1-23",
                "25-34" => "24-30",
                "35-44" => "31-40",
                "45-54" => "41-50",
                _ => "50-",
            });
            facet("geographical_distributions", "province", &same);
            facet("interest_distributions", "interest", &same);
            facet("device_distributions", "device", &same);
            fans.array("active_days_distributions", |list| {
                list.object(|o| {
                    o.text("item", "5~8");
                    o.int("value", world.followers_at(own.key, call.now) / 6);
                });
            });
            fans.array("flow_contributions", |list| {
                list.object(|o| {
                    o.text("flow", "vv");
                    o.int("fans_sum", 8100);
                    o.int("all_sum", 48_213);
                });
            });
        });
    })
}

/// `/data/extern/fans/source/`
pub(super) fn sources(call: &Call<'_>) -> Vec<u8> {
    envelope(call, |data| {
        data.array("list", |list| {
            for (source, percent) in
                [("推荐", "61.20%"), ("搜索", "14.05%"), ("个人主页", "11.31%"), ("其他", "13.44%")]
            {
                list.object(|o| {
                    o.text("source", source);
                    o.text("percent", percent);
                });
            }
        });
    })
}

/// `/data/extern/fans/favourite/` and `/data/extern/fans/comment/`
pub(super) fn favourites(call: &Call<'_>) -> Vec<u8> {
    envelope(call, |data| {
        data.array("list", |list| {
            for (rank, keyword) in (1..).zip(["新品", "教程", "福利"]) {
                list.object(|o| {
                    o.int("rank", rank);
                    o.text("keyword", keyword);
                    o.int("hot_value", 9000 / rank);
                });
            }
        });
    })
}
