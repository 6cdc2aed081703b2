use proptest::prelude::*;

use super::*;

fn style(kind: Kind) -> Style<'static> {
    Style {
        kind,
        missing: &[],
        rates: Rates::Cell,
        decimal: '.',
        measure: Measure::Plain,
        currency: None,
        capped_at: None,
    }
}

fn shown(said: Result<Said, String>) -> String {
    match said {
        Ok(None) => "missing".to_owned(),
        Ok(Some((value, flags))) => {
            let number = match value {
                Value::Count(count) => count.to_string(),
                Value::Real(real) => real.to_string(),
                Value::Money(money) => format!("{} {}", money.amount, money.currency),
            };
            flags.names().fold(number, |text, flag| format!("{text} {flag}"))
        }
        Err(_) => "refused".to_owned(),
    }
}

fn check(text: &str, kind: Kind, expected: &str) {
    assert_eq!(shown(read(&Cell::text(text), &style(kind))), expected, "{text:?} as {kind:?}");
}

#[test]
fn counts_as_platforms_write_them() {
    for (text, expected) in [
        ("1,234", "1234"),
        ("1，234", "1234"),
        ("１２３", "123"),
        ("1938.0", "1938"),
        ("-21", "-21"),
        ("−21", "-21"),
        ("\t42 ", "42"),
        ("'42", "42"),
        ("1 234 567", "1234567"),
        ("0", "0"),
        ("1.938E+3", "1938"),
        ("1E+40", "refused"),
        ("< 15", "15 censored"),
        ("1.1K", "1100 estimated"),
        ("3.5w", "35000 estimated"),
        ("1,23", "refused"),
        ("12,34,567", "refused"),
        ("3.5", "refused"),
        ("12%", "refused"),
        ("abc", "refused"),
        ("1-2", "refused"),
        ("99999999999999999999", "refused"),
    ] {
        check(text, Kind::Count, expected);
    }
}

#[test]
fn missing_is_not_zero() {
    for text in ["", " ", "-", "--", "N/A", "n/a", "null", "—", "－"] {
        check(text, Kind::Count, "missing");
        check(text, Kind::Ratio, "missing");
    }
    let missing = ["NA".to_owned()];
    let own = Style { missing: &missing, ..style(Kind::Count) };
    assert_eq!(shown(read(&Cell::text("NA"), &own)), "missing");
    check("NA", Kind::Count, "refused");
}

/// T40: a count at the number where the source stops is at least that.
#[test]
fn t40_a_capped_count_says_so() {
    let wechat = Style { capped_at: Some(100_001), ..style(Kind::Count) };
    assert_eq!(shown(read(&Cell::text("100001"), &wechat)), "100001 capped");
    assert_eq!(shown(read(&Cell::Number(100_001.0), &wechat)), "100001 capped");
    assert_eq!(shown(read(&Cell::text("100000"), &wechat)), "100000");
    check("100001+", Kind::Count, "100001 capped");
}

/// T41: 5.2, 0.052 and 5.2% by what is known of the column, else refused.
#[test]
fn t41_rates_are_never_guessed_by_size() {
    let with = |rates, measure: &Measure, text: &str| {
        shown(read(&Cell::text(text), &Style { rates, measure: measure.clone(), ..style(Kind::Ratio) }))
    };
    let plain = Measure::Plain;
    for (rates, expected) in [
        (Rates::Ask, ["refused", "refused", "0.052"]),
        (Rates::Cell, ["refused", "0.052", "0.052"]),
        (Rates::Fraction, ["5.2", "0.052", "0.052"]),
        (Rates::Percent, ["0.052", "0.00052", "0.052"]),
    ] {
        let got = ["5.2", "0.052", "5.2%"].map(|text| with(rates, &plain, text));
        assert_eq!(got, expected, "{rates:?}");
    }
    assert_eq!(with(Rates::Cell, &Measure::of("总完播率（％）"), "12.3"), "0.123");
    assert_eq!(with(Rates::Cell, &plain, "42"), "refused");
    assert_eq!(shown(read(&Cell::Number(0.3014), &style(Kind::Ratio))), "0.3014");
    check("7.358351729212656E-4", Kind::Ratio, "0.0007358351729212656");
    check("24.76%", Kind::Ratio, "0.2476");
    check("12.34％", Kind::Ratio, "0.1234");
}

/// T42: 1.2万, 3.4亿, 10w+, 1,234.
#[test]
fn t42_magnitudes() {
    check("1.2万", Kind::Count, "12000 estimated");
    check("3.4亿", Kind::Count, "340000000 estimated");
    check("10w+", Kind::Count, "100000 capped estimated");
    check("1,234", Kind::Count, "1234");
}

#[test]
fn lengths_of_time() {
    for (text, expected) in [
        ("33.00s", "33"),
        ("18秒", "18"),
        ("74679秒", "74679"),
        ("00:01:32", "92"),
        ("01:32", "92"),
        ("1分23秒", "83"),
        ("1小时2分", "3720"),
        ("250ms", "0.25"),
        ("11.62", "11.62"),
        ("-", "missing"),
        ("soon", "refused"),
        ("1:2:3:4", "refused"),
    ] {
        check(text, Kind::Seconds, expected);
    }
    let millis = Style { measure: Measure::of("Watch Time (ms)"), ..style(Kind::Seconds) };
    assert_eq!(shown(read(&Cell::text("1,500"), &millis)), "1.5");
    assert_eq!(shown(read(&Cell::Seconds(92.0), &style(Kind::Seconds))), "92");
}

#[test]
fn money_needs_a_currency() {
    check("12.30", Kind::Money, "refused");
    let euro: SmolStr = "EUR".into();
    let own = Style { currency: Some(&euro), decimal: ',', ..style(Kind::Money) };
    assert_eq!(shown(read(&Cell::text("€ 1.234,50"), &own)), "1234.50 EUR");
    let dollars = Style { measure: Measure::of("Estimated earnings (USD)"), ..own };
    assert_eq!(shown(read(&Cell::text("$0,10"), &dollars)), "0.10 USD");
}

#[test]
fn decimal_commas() {
    let german = Style { decimal: ',', rates: Rates::Fraction, ..style(Kind::Ratio) };
    assert_eq!(shown(read(&Cell::text("0,052"), &german)), "0.052");
    let count = Style { decimal: ',', ..style(Kind::Count) };
    assert_eq!(shown(read(&Cell::text("1.234"), &count)), "1234");
}

fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

proptest! {
    #[test]
    fn whole_numbers_round_trip(number in any::<i64>()) {
        for text in [number.to_string(), grouped(number), format!("{number}.0")] {
            prop_assert_eq!(read(&Cell::text(&text), &style(Kind::Count)), Ok(Some((Value::Count(number), Flags::NONE))));
        }
    }

    #[test]
    fn percentages_round_trip(hundredths in -1_000_000_i64..1_000_000) {
        let percent = Decimal::new(hundredths, 2);
        let expected: f64 = Decimal::new(hundredths, 4).to_string().parse().unwrap();
        let said = read(&Cell::text(&format!("{percent}%")), &style(Kind::Ratio));
        prop_assert_eq!(said, Ok(Some((Value::Real(expected), Flags::NONE))));
    }

    #[test]
    fn no_text_panics(text in "\\PC*", kind in 0_usize..5) {
        let kind = [Kind::Count, Kind::Ratio, Kind::Seconds, Kind::Money, Kind::Real][kind];
        let _ = read(&Cell::Text(text), &style(kind));
    }

    #[test]
    fn no_mix_of_signs_panics(text in "[-+<0-9.,:%万亿wkKsm分秒 e]{0,24}", number in any::<f64>()) {
        for kind in [Kind::Count, Kind::Ratio, Kind::Seconds, Kind::Money, Kind::Real] {
            let _ = read(&Cell::Text(text.clone()), &style(kind));
            let _ = read(&Cell::Number(number), &style(kind));
        }
    }
}
