//! An organization: who administers it, its followers, its page.

use super::{Asked, Fault, urn_of, write_paging, write_range};
use crate::{
    AccountFlows, Counter,
    call::shared,
    json::{Array, Object},
};

/// `/rest/organizationAcls`
pub(super) fn acls(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    if asked.text("q") != Some("roleAssignee") {
        return Err(Fault::bad("Unknown finder"));
    }
    Ok(asked.call.json().object(|root| {
        write_paging(root, 0, asked.number("count", 10).unwrap_or(10), None);
        root.array("elements", |list| {
            list.object(|o| {
                o.text("roleAssignee", &asked.call.world.person_urn(asked.own.key));
                o.text("role", "ADMINISTRATOR");
                o.text("state", "APPROVED");
                o.text("organization", &urn_of(asked.own));
            });
        });
    }))
}

/// `/rest/networkSizes/{urn}`
pub(super) fn network_size(asked: &Asked<'_, '_>, urn: &str) -> Result<Vec<u8>, Fault> {
    asked.own_organization(urn)?;
    if asked.text("edgeType") != Some("COMPANY_FOLLOWED_BY_MEMBER") {
        return Err(Fault::bad("Invalid edgeType"));
    }
    let (call, own) = (asked.call, asked.own);
    let followers = call.level(call.world.followers_at(own.key, call.now));
    Ok(call.json().object(|root| root.int("firstDegreeSize", followers)))
}

/// `/rest/organizationalEntityFollowerStatistics`: gains of days, or who the followers are.
pub(super) fn followers(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    finder(asked, "organizationalEntity")?;
    let (call, own) = (asked.call, asked.own);
    let Some(intervals) = asked.intervals()? else { return Ok(facets(asked)) };
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            for (from, to) in intervals.pieces {
                let mut gained = 0;
                let mut paid = 0;
                for date in kepi_core::DateSpan::new(from, to).iter() {
                    let day = call.day(own.key, date);
                    gained += day.flows.follows_gained;
                    paid += day.content.paid[Counter::FollowsGained].min(day.flows.follows_gained);
                }
                list.object(|o| {
                    write_range(o, (from, to));
                    o.object("followerGains", |gains| {
                        gains.int("organicFollowerGain", gained - paid);
                        gains.int("paidFollowerGain", paid);
                    });
                    o.text("organizationalEntity", &urn_of(own));
                });
            }
        });
    }))
}

/// Checks the finder's name and its organization.
pub(super) fn finder(asked: &Asked<'_, '_>, key: &str) -> Result<(), Fault> {
    if asked.text("q") != Some(key) {
        return Err(Fault::bad("Unknown finder"));
    }
    asked.organization(key)
}

/// The list's key, the row's key, what the value's URN begins with, the world's dimension.
const FACETS: [(&str, &str, &str, &str); 6] = [
    ("followerCountsBySeniority", "seniority", "urn:li:seniority:", "seniority"),
    ("followerCountsByFunction", "function", "urn:li:function:", "function"),
    ("followerCountsByIndustry", "industry", "urn:li:industry:", "industry"),
    ("followerCountsByStaffCountRange", "staffCountRange", "", "staff_count"),
    ("followerCountsByGeoCountry", "geo", "urn:li:geo:", "country"),
    ("followerCountsByGeo", "geo", "urn:li:geo:", "city"),
];

fn facets(asked: &Asked<'_, '_>) -> Vec<u8> {
    let (call, own) = (asked.call, asked.own);
    let row = |list: &mut Array<'_>, key: &str, value: &str, users: i64| {
        list.object(|o| {
            o.text(key, value);
            o.object("followerCounts", |counts| {
                counts.int("organicFollowerCount", call.level(users));
                counts.int("paidFollowerCount", 0);
            });
        });
    };
    call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            list.object(|o| {
                o.text("organizationalEntity", &urn_of(own));
                o.array("followerCountsByAssociationType", |list| {
                    row(list, "associationType", "EMPLOYEE", call.world.followers_at(own.key, call.now) / 90);
                });
                for (list_key, key, prefix, dimension) in FACETS {
                    o.array(list_key, |list| {
                        for part in call.world.audience(own.key, dimension, call.now) {
                            row(list, key, &format!("{prefix}{}", geo(dimension, part.value)), part.users);
                        }
                    });
                }
            });
        });
    })
}

/// Places have numbers.
fn geo<'a>(dimension: &str, value: &'a str) -> &'a str {
    match (dimension, value) {
        ("country", "DE") => "101282230",
        ("country", "FR") => "105015875",
        ("country", "US") => "103644278",
        ("country", "GB") => "101165590",
        ("country", "NL") => "102890719",
        ("country", "ES") => "105646813",
        ("country", "IT") => "103350119",
        ("city", text) if text.starts_with("Berlin") => "90009712",
        ("city", text) if text.starts_with("Paris") => "90009659",
        ("city", text) if text.starts_with("London") => "90009496",
        ("city", text) if text.starts_with("Hamburg") => "90009726",
        ("city", _) => "90009706",
        _ => value,
    }
}

/// As [`FACETS`], for the visitors of a page.
const VISITOR_FACETS: [(&str, &str, &str, &str); 6] = [
    ("pageStatisticsBySeniority", "seniority", "urn:li:seniority:", "seniority"),
    ("pageStatisticsByFunction", "function", "urn:li:function:", "function"),
    ("pageStatisticsByIndustryV2", "industryV2", "urn:li:industry:", "industry"),
    ("pageStatisticsByStaffCountRange", "staffCountRange", "", "staff_count"),
    ("pageStatisticsByGeoCountry", "geo", "urn:li:geo:", "country"),
    ("pageStatisticsByGeo", "geo", "urn:li:geo:", "city"),
];

const VISITS_PER_FOLLOWER: i64 = 3;

fn visitor_facet(list: &mut Array<'_>, key: &str, value: &str, users: i64) {
    list.object(|o| {
        o.text(key, value);
        o.object("pageStatistics", |numbers| {
            numbers.object("views", |views| {
                views.object("allPageViews", |all| all.int("pageViews", users * VISITS_PER_FOLLOWER));
            });
        });
    });
}

/// `/rest/organizationPageStatistics`
pub(super) fn pages(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    finder(asked, "organization")?;
    let (call, own) = (asked.call, asked.own);
    let Some(intervals) = asked.intervals()? else {
        let visits = call.level(call.world.followers_at(own.key, call.now)) * VISITS_PER_FOLLOWER;
        let flows = AccountFlows { profile_visits: visits, ..AccountFlows::default() };
        return Ok(call.json().object(|root| {
            write_paging(root, 0, 10, None);
            root.array("elements", |list| {
                list.object(|o| {
                    o.text("organization", &urn_of(own));
                    write_page(o, &flows, false);
                    for (list_key, key, prefix, dimension) in VISITOR_FACETS {
                        o.array(list_key, |list| {
                            for part in call.world.audience(own.key, dimension, call.now) {
                                visitor_facet(
                                    list,
                                    key,
                                    &format!("{prefix}{}", geo(dimension, part.value)),
                                    part.users,
                                );
                            }
                        });
                    }
                });
            });
        }));
    };
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            for (from, to) in intervals.pieces {
                let mut flows = AccountFlows::default();
                for date in kepi_core::DateSpan::new(from, to).iter() {
                    let day = call.day(own.key, date).flows;
                    flows.profile_visits += day.profile_visits;
                    flows.profile_visit_users += day.profile_visit_users;
                }
                list.object(|o| {
                    o.text("organization", &urn_of(own));
                    write_range(o, (from, to));
                    write_page(o, &flows, true);
                });
            }
        });
    }))
}

fn write_page(o: &mut Object<'_>, flows: &AccountFlows, unique: bool) {
    let views = |o: &mut Object<'_>, key: &str, share: f64| {
        o.object(key, |v| {
            v.int("pageViews", (flows.profile_visits as f64 * share) as i64);
            if unique {
                v.int("uniquePageViews", (flows.profile_visit_users as f64 * share) as i64);
            }
        });
    };
    let [desktop, mobile] = shared(flows.profile_visits / 40, [0.8, 0.2]);
    let clicks = |list: &mut Array<'_>, count: i64| {
        list.object(|c| {
            c.text("customButtonType", "VIEW_WEBSITE");
            c.int("count", count);
        });
    };
    o.object("totalPageStatistics", |total| {
        total.object("clicks", |c| {
            c.array("mobileCustomButtonClickCounts", |list| clicks(list, mobile));
            c.array("desktopCustomButtonClickCounts", |list| clicks(list, desktop));
        });
        total.object("views", |v| {
            views(v, "allPageViews", 1.0);
            views(v, "allDesktopPageViews", 0.7);
            views(v, "allMobilePageViews", 0.3);
            views(v, "overviewPageViews", 0.58);
            views(v, "jobsPageViews", 0.14);
            views(v, "aboutPageViews", 0.07);
        });
    });
}

/// `/v2/seniorities`, `/v2/functions`, `/v2/geo`, `/v2/industryTaxonomyVersions/DEFAULT/industries`
pub(super) fn names(asked: &Asked<'_, '_>, resource: &str) -> Result<Vec<u8>, Fault> {
    let json = asked.call.json();
    if resource == "geo" {
        let ids = asked
            .params
            .get("ids")
            .and_then(super::Value::texts)
            .ok_or_else(|| Fault::bad("Parameter ids is required"))?;
        return Ok(json.object(|root| {
            root.object("results", |results| {
                for id in ids {
                    results.object(id, |o| {
                        o.object("defaultLocalizedName", |n| n.text("value", &format!("Place {id}")))
                    });
                }
            });
        }));
    }
    let ids: &[&str] = match resource {
        "seniorities" => &["3", "4", "5", "6", "8"],
        "functions" => &["4", "8", "15", "18", "25"],
        _ => &["4", "25", "47", "96"],
    };
    Ok(json.object(|root| {
        write_paging(root, 0, 100, None);
        root.array("elements", |list| {
            for id in ids {
                list.object(|o| {
                    o.bare("id", id);
                    o.object("name", |n| {
                        n.object("localized", |l| l.text("en_US", &format!("{resource} {id}")))
                    });
                });
            }
        });
    }))
}
