//! What a row says of its post, and which post it is.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{Post, PostRef};
use smol_str::SmolStr;
use unicode_normalization::UnicodeNormalization;

use super::{TableReader, known::Described, page::PageBuilder};
use crate::{
    layout::{Format, IdColumn, IdPart, Names, PostColumns},
    sheet::{Cell, Row, normalized},
    time::{self, Moment},
    value::is_missing,
};

impl TableReader<'_> {
    /// The id of the row's post, once what is said of the post is on the page; `None` when the row names none.
    pub(super) fn post(&self, row: &Row, page: &mut PageBuilder) -> Result<Option<SmolStr>, String> {
        let Some(columns) = &self.found.table.post else {
            return Err("the table says nothing of its posts".to_owned());
        };
        let text = |names: &Names| self.text(row, names);
        let state = self.unusual_state(row, columns);
        if let (Some(word), true) =
            (&state, columns.state.as_ref().is_some_and(|state| state.others_left_out))
        {
            page.leave_out(word, self.place(row));
            return Ok(None);
        }
        let words = text(&columns.text);
        let (title, url) = (text(&columns.title), text(&columns.url));
        let (format, is_reply) = self.format(row, columns, words.as_deref());
        let own_id = match &columns.id {
            Some(place) => match self.own_id(row, place)? {
                Some(id) => Some(id),
                None => {
                    page.skip_without_id(self.place(row));
                    return Ok(None);
                }
            },
            None => None,
        };
        let mut moment = match self.published(row, columns) {
            // Its numbers are worth keeping: the post is known by its id.
            Err(reason) if own_id.is_some() => {
                page.reject(format!("{}, publish time", self.place(row)), reason, row.raw.clone());
                None
            }
            moment => moment?,
        };
        if let (true, Some(Moment::Day(day)), Some(id)) = (columns.dated_by_id, moment, &own_id) {
            moment = made_at(id, day).map(Moment::Instant).or(moment);
        }
        let (published_at, published_day) = match moment {
            Some(Moment::Day(day)) => (None, Some(day)),
            moment => (moment.and_then(|moment| moment.instant(self.zone)), None),
        };
        let id = match &own_id {
            Some(id) => id.clone(),
            None => {
                let name = title.as_deref().or(words.as_deref()).unwrap_or_default();
                match self.known_id(name, moment, format.as_deref(), page)? {
                    Some(id) => id,
                    None => {
                        let at = moment.and_then(|moment| moment.instant(self.zone));
                        derived_id(name, at, format.as_deref())?
                    }
                }
            }
        };
        let post = Post {
            published_at,
            published_day,
            format,
            title,
            text: words,
            url,
            is_reply,
            language: text(&columns.language).map(Into::into),
            category: text(&columns.category),
            campaign: text(&columns.campaign),
            product_type: text(&columns.product_type).map(Into::into),
            tags: state.into_iter().collect(),
            ..Post::new(self.account.id.clone(), id.clone())
        };
        page.post(post, own_id.is_some(), &self.place(row))?;
        Ok(Some(id))
    }

    /// The platform's id of the post that a row without one describes, where a post is known that it fits.
    fn known_id(
        &self,
        title: &str,
        moment: Option<Moment>,
        format: Option<&str>,
        page: &mut PageBuilder,
    ) -> Result<Option<SmolStr>, String> {
        let Some(moment) = moment else { return Ok(None) };
        let id = self.known.find(Described { title, moment, format }, self.zone)?;
        if let Some(id) = &id {
            page.matched(id);
        }
        Ok(id)
    }

    fn text(&self, row: &Row, names: &Names) -> Option<String> {
        let text = row.cell(self.found.column(names)?).shown();
        let missing = is_missing(&text, &self.found.table.missing);
        (!missing).then_some(text)
    }

    /// An unreadable publish time sets the row aside where the post is known by it; a missing one says nothing.
    fn published(&self, row: &Row, columns: &PostColumns) -> Result<Option<Moment>, String> {
        let Some(column) = self.found.column(&columns.published_at) else { return Ok(None) };
        let cell = row.cell(column);
        if is_missing(&cell.shown(), &self.found.table.missing) {
            return Ok(None);
        }
        let moment = time::read(cell, &self.found.table.dates)?;
        self.check_day(moment.day(self.zone))?;
        Ok(Some(moment))
    }

    fn own_id(&self, row: &Row, place: &IdColumn) -> Result<Option<SmolStr>, String> {
        match place {
            IdColumn::Plain(names) => {
                let column = self.found.column(names).ok_or("the table has no column of ids")?;
                id_of(row.cell(column))
            }
            IdColumn::Within { column, parts } => {
                let Some(text) = self.text(row, column) else { return Ok(None) };
                let cell = self.found.column(column).map(|column| row.cell(column));
                if let Some(number @ Cell::Number(_)) = cell {
                    return id_of(number);
                }
                let id = parts.iter().find_map(|part| part_of(&text, part));
                id.map(Some).ok_or_else(|| format!("{text:?} holds no id"))
            }
        }
    }

    fn format(
        &self,
        row: &Row,
        columns: &PostColumns,
        words: Option<&str>,
    ) -> (Option<SmolStr>, Option<bool>) {
        match &columns.format {
            None => (None, None),
            Some(Format::Always(format)) => (Some(format.clone()), None),
            Some(Format::ReplyBegins(mark)) => {
                let Some(words) = words else { return (None, None) };
                let reply = words.starts_with(mark.as_str());
                (Some(if reply { "reply" } else { "post" }.into()), Some(reply))
            }
            Some(Format::Words { column, words }) => {
                let cell = self.text(row, column).map(|text| normalized(&text));
                let found = words
                    .iter()
                    .find(|(word, _)| cell.as_ref().is_some_and(|c| c.contains(&normalized(word))));
                (found.map(|(_, format)| format.clone()), None)
            }
        }
    }

    fn unusual_state(&self, row: &Row, columns: &PostColumns) -> Option<String> {
        let state = columns.state.as_ref()?;
        self.text(row, &state.column)
            .map(|text| text.trim().to_owned())
            .filter(|text| !state.usual.contains(text))
    }
}

/// An id as text. A number that a spreadsheet kept has lost the digits beyond its fifteenth.
fn id_of(cell: &Cell) -> Result<Option<SmolStr>, String> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) => {
            let id = text.trim().trim_matches(['\'', '"']).trim();
            if is_formatted_number(id) {
                return Err(spoilt(id));
            }
            Ok((!id.is_empty()).then(|| id.into()))
        }
        Cell::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Ok(Some(smol_str::format_smolstr!("{number:.0}")))
        }
        other => Err(spoilt(&other.shown())),
    }
}

fn spoilt(id: &str) -> String {
    format!("the id {id} lost its digits in a spreadsheet: import the file as it was downloaded")
}

/// Whether an id was written as a spreadsheet or a table of floats writes numbers: `2.37773E+18`, `2,377,726`,
/// `2377726.0`. Ids of hexadecimal digits may hold an `e`, so a mantissa without a fraction has one digit.
fn is_formatted_number(id: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parted =
        |text: &str| text.split_once(['.', ',']).is_some_and(|(whole, part)| digits(whole) && digits(part));
    if let Some((mantissa, exponent)) = id.split_once(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']);
        let power = digits(signed.unwrap_or(exponent)) && exponent.len() <= 4;
        return power
            && (parted(mantissa) || (digits(mantissa) && (mantissa.len() == 1 || signed.is_some())));
    }
    let groups: Vec<&str> = id.split([',', '.', '\'', '’', ' ', '\u{a0}', '\u{202f}']).collect();
    let mut inner = groups.iter().skip(1).rev().skip(1);
    groups.len() > 1 && groups.iter().all(|group| digits(group)) && inner.all(|group| group.len() == 3)
}

/// An id in an address, without what follows it.
fn until_end(text: &str) -> &str {
    text.split(['/', '?', '&', '#', ' ']).next().unwrap_or_default()
}

fn part_of(text: &str, part: &IdPart) -> Option<SmolStr> {
    let id = match part {
        IdPart::DigitsAfter(mark) => {
            text.split_once(mark.as_str())?.1.chars().take_while(char::is_ascii_digit).collect()
        }
        IdPart::Query(keys) => {
            let query = text.split_once('?').map_or("", |(_, query)| query).replace("&amp;", "&");
            let query = query.split('#').next().unwrap_or_default();
            let value = |key: &String| {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.into_iter().find(|(k, _)| k == key).map(|(_, value)| value.to_owned())
            };
            keys.iter().map(value).collect::<Option<Vec<_>>>()?.join("_")
        }
        IdPart::After(mark) => until_end(text.split_once(mark.as_str())?.1).to_owned(),
        IdPart::From(mark) => format!("{mark}{}", until_end(text.split_once(mark.as_str())?.1)),
        IdPart::WeiboAddress => weibo_number(text)?,
    };
    (!id.is_empty()).then(|| id.into())
}

/// `5139000000000007` for `https://weibo.com/1904000001/Pgmze0007?x=1`; a number stands for itself.
fn weibo_number(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default().trim().trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    if last.bytes().all(|sign| sign.is_ascii_digit()) {
        return Some(last.to_owned());
    }
    // Shorter words are no posts: a profile has a name there. No id has more than three groups.
    if !(9..=12).contains(&last.len()) {
        return None;
    }
    let value = |sign: u8| match sign {
        b'0'..=b'9' => Some(sign - b'0'),
        b'a'..=b'z' => Some(sign - b'a' + 10),
        b'A'..=b'Z' => Some(sign - b'A' + 36),
        _ => None,
    };
    let mut number = String::new();
    for group in last.as_bytes().rchunks(4).rev() {
        let add = |sum: u32, sign: &u8| Some(sum * 62 + u32::from(value(*sign)?));
        let seven = group.iter().try_fold(0, add).filter(|seven| *seven < 10_000_000)?;
        number += &if number.is_empty() { seven.to_string() } else { format!("{seven:07}") };
    }
    Some(number)
}

/// The id of a post whose file gives none: title, publish minute and format together stand for it.
fn derived_id(title: &str, published_at: Option<Timestamp>, format: Option<&str>) -> Result<SmolStr, String> {
    let Some(published_at) = published_at else {
        return Err("a post without id and publish time cannot be told from others".to_owned());
    };
    let title: String = title.trim().nfc().collect();
    // The same file is exported with seconds today and without tomorrow.
    let minute = published_at.as_second().div_euclid(60);
    let text = format!("{title}\n{minute}\n{}", format.unwrap_or_default());
    let digest = blake3::hash(text.as_bytes()).to_hex();
    Ok(smol_str::format_smolstr!("{}{}", PostRef::DERIVED, &digest[..24]))
}

/// The second in which an id of X was made, when it lies on the day that the file tells.
fn made_at(id: &str, day: Date) -> Option<Timestamp> {
    /// Milliseconds since 1970 from which X's ids count.
    const EPOCH: i64 = 1_288_834_974_657;
    let id: i64 = id.parse().ok().filter(|id| *id > 0)?;
    let at = Timestamp::from_second(((id >> 22) + EPOCH).div_euclid(1_000)).ok()?;
    (TimeZone::UTC.to_datetime(at).date() == day).then_some(at)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// T43: an id beyond 2^53 stays text; one that a spreadsheet rounded is refused.
    #[test]
    fn t43_ids_are_text() {
        let id = id_of(&Cell::text("2377726600221403413")).unwrap();
        assert_eq!(id.as_deref(), Some("2377726600221403413"));
        assert!(id_of(&Cell::Number(2_377_726_600_221_403_413.0)).is_err());
        let spoilt =
            ["2.37773E+18", "2.3777266e18", "2E18", "2,37773E+18", "23E+17", "2377726600221403413.0"];
        let grouped =
            ["2,377,726,600,221,403,413", "2.377.726.600", "2 377 726", "2\u{202f}377\u{202f}726", "42.5"];
        for text in spoilt.into_iter().chain(grouped) {
            assert!(id_of(&Cell::text(text)).is_err(), "{text}");
        }
        for text in
            ["65e1234500000000000012e4", "65012345000000000000e123", "12_345", "123-456", "1.2.3", "Pe12"]
        {
            assert_eq!(id_of(&Cell::text(text)).unwrap().as_deref(), Some(text));
        }
        assert_eq!(id_of(&Cell::Number(42.0)).unwrap().as_deref(), Some("42"));
        assert_eq!(id_of(&Cell::Empty).unwrap(), None);
    }

    #[test]
    fn ids_within_addresses() {
        let check = |text: &str, part: IdPart, expected: Option<&str>| {
            assert_eq!(part_of(text, &part).as_deref(), expected, "{text}");
        };
        let video = || IdPart::DigitsAfter("/video/".to_owned());
        check(
            "https://www.tiktok.com/@a/video/7300000000000000001?x=1",
            video(),
            Some("7300000000000000001"),
        );
        check("https://www.tiktok.com/@a", video(), None);
        let article = || IdPart::Query(vec!["mid".to_owned(), "idx".to_owned()]);
        check("http://mp.weixin.qq.com/s?__biz=M&mid=2247&idx=1&sn=a#rd", article(), Some("2247_1"));
        check("http://mp.weixin.qq.com/s?__biz=M&amp;mid=2247&amp;idx=1", article(), Some("2247_1"));
        check("http://mp.weixin.qq.com/s/abc", article(), None);
        let short = || IdPart::After("/s/".to_owned());
        check("https://mp.weixin.qq.com/s/aB-c_9?x=1", short(), Some("aB-c_9"));
        let weibo = || IdPart::WeiboAddress;
        check("https://weibo.com/1904000001/Pgmze0007?from=page#comment", weibo(), Some("5139000000000007"));
        check("http://weibo.com/1645372340/z0JH2lOMb/", weibo(), Some("3501756485200075"));
        check("https://m.weibo.cn/detail/5139000000000007", weibo(), Some("5139000000000007"));
        check("5139000000000007", weibo(), Some("5139000000000007"));
        check("https://weibo.com/u/abcdefgh", weibo(), None);
        check("https://weibo.com/1645372340/ZZZZZZZZZ", weibo(), None);
        check("https://weibo.com/", weibo(), None);
        let urn = || IdPart::From("urn:li:".to_owned());
        check("https://www.linkedin.com/feed/update/urn:li:share:7001/", urn(), Some("urn:li:share:7001"));
    }

    #[test]
    fn a_derived_id_survives_another_export() {
        let at = |second| Timestamp::from_second(second).ok();
        let id = |title, at, format| derived_id(title, at, format).unwrap();
        let first = id("caf\u{e9}", at(120), Some("video"));
        assert_eq!(first, id(" cafe\u{301}", at(179), Some("video")));
        assert_ne!(first, id("caf\u{e9}", at(180), Some("video")));
        assert_ne!(first, id("caf\u{e9}", at(120), Some("image")));
        assert!(derived_id("a", None, None).is_err());
    }

    #[test]
    fn ids_of_x_tell_their_second() {
        let at = made_at("812369747765362688", date(2016, 12, 23)).unwrap();
        assert_eq!(at.to_string(), "2016-12-23T18:50:15Z");
        assert_eq!(made_at("812369747765362688", date(2016, 12, 24)), None);
        assert_eq!(made_at("x", date(2016, 12, 24)), None);
    }
}
