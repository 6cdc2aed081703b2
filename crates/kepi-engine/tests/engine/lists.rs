//! Tags by list, and addresses brought to one form by both sides alike.

use kepi_engine::{Mapping, Number, PostBy, Source, evaluate, evaluate_by_tag, one_address};
use serde_json::json;

use crate::{kpi, request, world::World};

fn mapping(post: PostBy) -> Mapping {
    Mapping {
        files: "t.csv".to_owned(),
        account: None,
        post,
        dimensions: [("theme".to_owned(), "tag".to_owned())].into(),
        separator: Some(";".to_owned()),
    }
}

/// However a platform and a content system write the same page, they meet; other pages do not.
#[tokio::test]
async fn addresses_meet_in_one_form() {
    let same = [
        "https://www.Example.org/Bikes/7",
        "http://example.org/Bikes/7/",
        "//m.example.org/Bikes/7?utm_source=mail&utm_medium=x#top",
        " EXAMPLE.org/Bikes/7?fbclid=1 ",
        "https://example.org/Bikes/7?",
    ];
    let others = [
        "https://example.org/bikes/7",
        "https://example.org/Bikes/77",
        "https://example.org/Bikes/7?colour=red",
        "https://other.example.org/Bikes/7",
        "https://example.org/Bikes/7?my_utm_source=1",
    ];
    for one in same {
        assert_eq!(one_address(one), "example.org/Bikes/7", "{one}");
    }
    let mut world = World::default();
    world.account("x/a");
    for (number, url) in same.iter().chain(&others).enumerate() {
        let post = number.to_string();
        world.post("x/a", &post, "2026-01-05", json!({"url": url}));
        world.lifetime("x/a", &post, "2026-02-01", json!({"likes": 1}));
    }
    for listed in same {
        let table = Source { name: "t.csv".to_owned(), text: format!("url,tag\n{listed},seven\n") };
        let rules = mapping(PostBy::Address("url".to_owned())).rules(&[table]).unwrap();
        let asked = request(vec![kpi("likes", "")], "2026-01", "2026-03-01");
        let rows = evaluate_by_tag(&world.session(), &asked, &rules, "theme").await.unwrap();
        let tagged = rows.iter().find(|row| row.scope.get("tag") == Some(&Some("seven".to_owned())));
        assert_eq!(tagged.and_then(|row| row.value), Some(Number::Whole(5)), "{listed}");
    }
}

/// Tags and conditions by an id that a post stood under before the platform's was known find the post.
#[tokio::test]
async fn an_earlier_id_finds_the_post() {
    let mut world = World::default();
    world.account("x/a");
    for (post, earlier) in
        [("7500", json!("title-1 title-2")), ("7501", json!(null)), ("title-3", json!(null))]
    {
        world.post("x/a", post, "2026-01-05", json!({"earlier_ids": earlier}));
        world.lifetime("x/a", post, "2026-02-01", json!({"likes": 1}));
    }
    let session = world.session();
    let table = Source { name: "t.csv".to_owned(), text: "post,tag\ntitle-2,seven\n7501,seven\n".to_owned() };
    let rules = mapping(PostBy::Id("post".to_owned())).rules(&[table]).unwrap();
    let asked = request(vec![kpi("likes", "")], "2026-01", "2026-03-01");
    let rows = evaluate_by_tag(&session, &asked, &rules, "theme").await.unwrap();
    let tagged = rows.iter().find(|row| row.scope.get("tag") == Some(&Some("seven".to_owned())));
    assert_eq!(tagged.and_then(|row| row.value), Some(Number::Whole(2)));
    for (condition, expected) in [
        ("post = 'title-1'", 1),
        ("post <> 'title-1'", 2),
        ("post in ('title-2', 'title-3')", 2),
        ("post not in ('title-2', 'title-3')", 1),
    ] {
        let one = kpi("likes", &format!("where = \"{condition}\""));
        let rows = evaluate(&session, &request(vec![one], "2026-01", "2026-03-01")).await.unwrap();
        assert_eq!(rows[0].value, Some(Number::Whole(expected)), "{condition}");
    }
}

#[test]
fn tables_that_lack_a_column_say_so() {
    let rules = |text: &str| {
        let table = Source { name: "t.csv".to_owned(), text: text.to_owned() };
        mapping(PostBy::Id("post".to_owned())).rules(&[table.clone(), table])
    };
    let told = rules("\u{feff}post;tag\n1;a\n2;b\n\n3;\n;c\n").unwrap();
    let values: Vec<&str> = told.iter().map(|rule| rule.value.as_str()).collect();
    assert_eq!(values, ["a", "b"], "rows without a post or a tag say nothing");
    let error = rules("post,tags\n1,a\n").unwrap_err();
    assert!(error.hint_text().is_some_and(|hint| hint.contains("did you mean tags?")), "{error:?}");
}
