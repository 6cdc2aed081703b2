//! What workbooks are and are not.

use proptest::prelude::*;

use super::{workbook::Workbook, *};

const GRID: &str = include_str!("../../fixtures/douyin/账号每日.grid");

fn file(bytes: &[u8]) -> File<'_> {
    File::of("douyin/demo", "account.xlsx", bytes)
}

#[test]
fn broken_styles_do_not_keep_the_numbers_back() {
    let sound = file(&Workbook::of(GRID).pack()).page();
    for styles in ["<styleSheet><cellXfs><xf numFmtId=", "no xml at all", ""] {
        let bytes = Workbook { styles: Some(styles), ..Workbook::of(GRID) }.pack();
        assert_eq!(file(&bytes).page(), sound, "{styles:?}");
    }
    let strings: &[(&str, &[u8])] = &[("xl/sharedStrings.xml", b"<sst><si><t>half")];
    let bytes = Workbook { parts: strings, ..Workbook::of(GRID) }.pack();
    assert_eq!(file(&bytes).page(), sound);
}

#[test]
fn a_workbooks_own_date_is_its_observation() {
    let observed = |modified, name| {
        let bytes = Workbook { modified, ..Workbook::of(GRID) }.pack();
        let job = File { name, ..file(&bytes) }.job().unwrap();
        let input = job.input.unwrap();
        format!("{} by {}", input["observed_at"].as_str().unwrap(), input["observed_by"].as_str().unwrap())
    };
    let own = Some("2026-10-09T08:30:00Z");
    assert_eq!(observed(own, "account.xlsx"), "2026-10-09T08:30:00Z by properties");
    assert_eq!(observed(own, "account_20260901_20261001.xlsx"), "2026-10-09T08:30:00Z by properties");
    assert_eq!(observed(own, "account_2026-10-10.xlsx"), "2026-10-09T16:00:00Z by name");
    assert_eq!(observed(Some("2006-09-16T00:00:00Z"), "account.xlsx"), "2026-11-01T12:00:00Z by file_time");
    assert_eq!(observed(Some("soon"), "account.xlsx"), "2026-11-01T12:00:00Z by file_time");
}

#[test]
fn nothing_tells_the_time_is_an_error() {
    let account = account("douyin/demo");
    let bytes = Workbook::of(GRID).pack();
    let input = FileInput {
        name: "account.xlsx",
        bytes: &bytes,
        mtime: None,
        observed_at: None,
        account: &account,
        currency: None,
    };
    let error = FILES.recognise(&input, Choice::Detect).unwrap_err();
    assert!(error.hint_text().unwrap().contains("--observed-at"), "{error:?}");
}

#[test]
fn macros_bombs_and_other_archives_are_refused() {
    let check = |parts: &[(&str, &[u8])], expected: &str| {
        let bytes = Workbook { parts, ..Workbook::of(GRID) }.pack();
        assert_eq!(file(&bytes).refusal().message(), expected);
    };
    check(&[("xl/vbaProject.bin", b"code")], "the workbook holds macros");
    check(
        &[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet")],
        "the file is an archive, but no XLSX workbook",
    );
    let mut ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    assert_eq!(file(&ole).refusal().message(), "the workbook is broken");
    ole.extend("_VBA_PROJECT".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(file(&ole).refusal().message(), "the workbook holds macros");
    assert_eq!(file(b"").refusal().message(), "the file is empty");
    assert_eq!(
        file(b"<html><p>log in</p></html>").refusal().message(),
        "the file is a web page without a table"
    );
    assert_eq!(file(b"\x7fELF\0\0").refusal().message(), "the file is neither a text nor a workbook");
}

/// A cell far out must not make the reader build all the cells before it.
#[test]
fn a_far_cell_costs_nothing() {
    let sheet = "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>日期</t></is></c>\
                 <c r=\"B1\" t=\"inlineStr\"><is><t>总粉丝量</t></is></c></row>\
                 <row r=\"1048576\"><c r=\"A1048576\"><v>46296</v></c><c r=\"B1048576\"><v>7</v></c>\
                 <c r=\"XFD1048576\"><v>1</v></c></row></sheetData></worksheet>";
    let parts: &[(&str, &[u8])] = &[("xl/worksheets/sheet2.xml", sheet.as_bytes())];
    let bytes = Workbook { parts, own_sheets: false, ..Workbook::of("# sheet a\n# sheet b\n") }.pack();
    assert_eq!(lines(&file(&bytes).page()), ["2026-10-01 total provisional followers_total=7"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_noise_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..5) {
        let magic: [&[u8]; 5] = [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<table>", b"\xff\xfe"];
        bytes.splice(0..0, magic[kind].iter().copied());
        let _ = file(&bytes).job();
    }

    #[test]
    fn no_damage_panics(hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), which in 0_usize..3) {
        let xlsx = Workbook::of(GRID).pack();
        let sources: [&[u8]; 3] = [
            &xlsx,
            include_bytes!("../../fixtures/wechat/tendency_1786204800_1786377600.xls"),
            include_bytes!("../../fixtures/wechat/user_analysis.xls"),
        ];
        let mut bytes = sources[which].to_vec();
        for (place, byte) in hits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for account in ["douyin/demo", "wechat/demo"] {
            if let Ok(job) = File::of(account, "a.xls", &bytes).job() {
                decode(&job, &bytes);
            }
        }
    }
}
