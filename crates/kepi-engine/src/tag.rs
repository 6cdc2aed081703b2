//! Tags: what posts are about, by rules of the project.

use kepi_core::document::{Block, Faults};

use crate::{fault::Flaw, formula::Filter};

/// A rule that puts posts into a part of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct TagRule {
    /// The dimension, such as `theme` or `campaign`.
    pub dimension: String,
    /// The part of it, such as `launch`.
    pub value: String,
    /// Which posts.
    pub filter: Filter,
}

/// Reads `[[tag]]` blocks of a text: dimension, value, where.
#[must_use]
pub fn read_tags(text: &str, root: &Block<'_, '_>) -> Vec<TagRule> {
    root.blocks("tag").into_iter().filter_map(|block| read_tag(text, block)).collect()
}

fn read_tag(text: &str, block: Block<'_, '_>) -> Option<TagRule> {
    let (dimension, value) = (block.required_text("dimension"), block.required_text("value"));
    let written = block.required_text("where");
    let filter =
        written.as_ref().and_then(|written| read_filter(text, &written.value, &written.span, block.faults()));
    block.finish();
    Some(TagRule { dimension: dimension?.value, value: value?.value, filter: filter? })
}

/// Reads a condition that stands in a file.
pub(crate) fn read_filter(
    text: &str,
    written: &str,
    whole: &std::ops::Range<usize>,
    faults: &Faults,
) -> Option<Filter> {
    let start = text.get(whole.clone()).and_then(|raw| raw.find(written)).map(|offset| whole.start + offset);
    let tell = |flaw: Flaw| {
        let span = match start {
            Some(start) => start + flaw.span.start..start + flaw.span.end,
            None => whole.clone(),
        };
        flaw.tell(span, faults);
    };
    Filter::parse(written).map_err(|flaws| flaws.into_iter().for_each(tell)).ok()
}
