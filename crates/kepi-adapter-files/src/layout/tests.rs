use std::collections::HashSet;

use super::*;

fn builtin() -> Vec<Layout> {
    BUILTIN.iter().flat_map(|(name, text)| parse(name, text).unwrap()).collect()
}

#[test]
fn every_shipped_layout_speaks_of_known_metrics_that_its_subject_has() {
    let catalogue = Catalogue::builtin();
    for layout in builtin() {
        layout.kinds(catalogue).unwrap();
        for table in &layout.tables {
            let one = Layout { tables: vec![table.clone()], ..layout.clone() };
            for id in one.metrics().filter(|_| table.segment.is_none()) {
                assert!(
                    catalogue.has_column(table.subject, id),
                    "{}: {id} of {:?}",
                    layout.id,
                    table.subject
                );
            }
        }
    }
}

#[test]
fn shipped_layouts_have_names_of_their_own() {
    let layouts = builtin();
    let ids: HashSet<_> = layouts.iter().map(|layout| &layout.id).collect();
    assert_eq!(ids.len(), layouts.len());
    for layout in &layouts {
        let platform = layout.platform.as_ref().unwrap().as_str();
        assert!(layout.id.starts_with(platform), "{} does not begin with its platform", layout.id);
    }
}

#[test]
fn a_fault_tells_its_place() {
    let error = parse("mine.toml", "platform = \"x\"\n[[layout]]\nid = 3\n").unwrap_err();
    assert!(error.message().starts_with("mine.toml:3:6:"), "{error}");
}

#[test]
fn a_layout_survives_the_journal() {
    for layout in builtin() {
        let text = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&text).unwrap(), layout);
    }
}

#[test]
fn the_front_page_lists_the_layouts() {
    let readme = include_str!("../../README.md");
    let listed: Vec<&str> =
        readme.lines().filter(|line| line.starts_with("| `") && line.contains("-")).collect();
    for layout in builtin() {
        let line = format!("| `{}` | {} |", layout.id, layout.title);
        assert!(listed.contains(&line.as_str()), "the README lacks: {line}");
    }
    let layouts = listed
        .iter()
        .filter(|line| builtin().iter().any(|layout| line.contains(&format!("`{}`", layout.id))));
    assert_eq!(layouts.count(), builtin().len());
}
