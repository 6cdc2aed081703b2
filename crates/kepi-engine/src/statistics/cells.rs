//! Cells of a table of two ways, such as hours and weekdays: the median of each, drawn towards what its row and its
//! column have in common.
//!
//! A cell of six posts says little by itself. Its row and its column say more, as far as rows and columns differ from
//! each other by more than chance; what the cell adds to them counts as far as cells do.

use super::{Z95, median, median_absolute_deviation, real, two_sided};

/// How far rows, columns and cells stand from the middle of all, each in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarginEffects {
    /// The rows.
    pub rows: Vec<CellEffect>,
    /// The columns.
    pub columns: Vec<CellEffect>,
    /// The cells, with what their row and column say.
    pub cells: Vec<CellEffect>,
}

/// How far a row, a column or a cell stands from the middle of all.
#[derive(Debug, Clone, PartialEq)]
pub struct CellEffect {
    /// Its row; 0 of a column.
    pub row: usize,
    /// Its column; 0 of a row.
    pub column: usize,
    /// How many values it has.
    pub count: usize,
    /// The median of its values.
    pub median: f64,
    /// How far it stands from the median of all, drawn towards its row and column.
    pub effect: f64,
    /// The 95 % interval of the effect.
    pub interval: (f64, f64),
    /// The two-sided p-value that belongs to the interval.
    pub p: f64,
}

/// The effects of all rows, columns and cells that hold a value, given as (row, column, value).
///
/// The variance of a median of n values is π/2·σ²/n, with σ the scaled median deviation of all; how much rows,
/// columns and cells differ beyond that is found by moments. `None` where the values do not vary.
#[must_use]
pub fn margin_effects(points: &[(usize, usize, f64)]) -> Option<MarginEffects> {
    let values: Vec<f64> = points.iter().map(|(_, _, value)| *value).collect();
    let middle = median(&values)?;
    let spread = 1.482_602_218_505_602 * median_absolute_deviation(&values)?;
    let variance = std::f64::consts::FRAC_PI_2 * spread * spread;
    if variance <= 0.0 {
        return None;
    }
    let mut left: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let rows = Layer::drawn(&left, variance, |at| points.get(at).map(|point| (point.0, 0)));
    rows.taken_from(&mut left);
    let columns = Layer::drawn(&left, variance, |at| points.get(at).map(|point| (0, point.1)));
    columns.taken_from(&mut left);
    let cells = Layer::drawn(&left, variance, |at| points.get(at).map(|point| (point.0, point.1)));
    let told = |group: &Group, layers: &[(f64, f64)]| {
        let own: Vec<f64> = group.members.iter().filter_map(|at| values.get(*at)).copied().collect();
        let effect = layers.iter().map(|(drawn, _)| drawn).sum::<f64>();
        let error = layers.iter().map(|(_, variance)| variance).sum::<f64>().sqrt();
        Some(CellEffect {
            row: group.key.0,
            column: group.key.1,
            count: own.len(),
            median: median(&own)?,
            effect,
            interval: (effect - Z95 * error, effect + Z95 * error),
            p: if error > 0.0 { two_sided(effect / error) } else { 1.0 },
        })
    };
    let alone = |layer: &Layer| {
        layer.groups.iter().filter_map(|group| told(group, &[(group.drawn, group.variance)])).collect()
    };
    let of_cell = |group: &Group| {
        let (row, column) = group.key;
        told(group, &[rows.of((row, 0))?, columns.of((0, column))?, (group.drawn, group.variance)])
    };
    Some(MarginEffects {
        rows: alone(&rows),
        columns: alone(&columns),
        cells: cells.groups.iter().filter_map(of_cell).collect(),
    })
}

/// Groups of one kind, each drawn towards nothing.
struct Layer {
    groups: Vec<Group>,
}

struct Group {
    key: (usize, usize),
    members: Vec<usize>,
    median: f64,
    drawn: f64,
    variance: f64,
}

impl Layer {
    fn drawn(left: &[f64], variance: f64, key: impl Fn(usize) -> Option<(usize, usize)>) -> Self {
        let mut members: std::collections::BTreeMap<(usize, usize), Vec<usize>> =
            std::collections::BTreeMap::new();
        for at in 0..left.len() {
            if let Some(key) = key(at) {
                members.entry(key).or_default().push(at);
            }
        }
        let group = |(key, members): ((usize, usize), Vec<usize>)| {
            let own: Vec<f64> = members.iter().filter_map(|at| left.get(*at)).copied().collect();
            let variance = variance / real(own.len());
            Some(Group { key, members, median: median(&own)?, drawn: 0.0, variance })
        };
        let mut groups: Vec<Group> = members.into_iter().filter_map(group).collect();
        // What groups differ by beyond chance: E[Σ m²/v] = number + between·Σ 1/v.
        let apart: f64 = groups.iter().map(|group| group.median * group.median / group.variance).sum();
        let precision: f64 = groups.iter().map(|group| 1.0 / group.variance).sum();
        let between = ((apart - real(groups.len())) / precision).max(0.0);
        for group in &mut groups {
            let weight = between / (between + group.variance);
            group.drawn = weight * group.median;
            group.variance *= weight;
        }
        Self { groups }
    }

    fn of(&self, key: (usize, usize)) -> Option<(f64, f64)> {
        self.groups.iter().find(|group| group.key == key).map(|group| (group.drawn, group.variance))
    }

    fn taken_from(&self, left: &mut [f64]) {
        for group in &self.groups {
            for at in &group.members {
                if let Some(value) = left.get_mut(*at) {
                    *value -= group.drawn;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that spread alike round a middle, without chance.
    fn spread(count: i32) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| f64::from(2 * i + 1 - count) / f64::from(count))
    }

    /// Row 1 stands one higher than the others; nothing else does.
    #[test]
    fn a_row_that_differs_is_found() {
        let mut points = Vec::new();
        for row in 0..4 {
            for column in 0..3 {
                points.extend(spread(12).map(|z| (row, column, z + if row == 1 { 1.0 } else { 0.0 })));
            }
        }
        let MarginEffects { rows, columns, cells } = margin_effects(&points).unwrap();
        assert_eq!((rows.len(), columns.len(), cells.len()), (4, 3, 12));
        assert!(rows[1].interval.0 > 0.2 && rows[1].p < 1e-3 && rows[0].interval.0 < 0.0, "{rows:?}");
        assert!(columns.iter().all(|column| column.interval.0 <= 0.0 && column.count == 48), "{columns:?}");
        for cell in &cells {
            let stands_out = cell.interval.0 > 0.0;
            assert_eq!(stands_out, cell.row == 1, "{cell:?}");
            assert!((cell.median - if cell.row == 1 { 1.0 } else { 0.0 }).abs() < 1e-9);
        }
    }

    /// Groups that do not differ are drawn together whole: nothing stands out.
    #[test]
    fn rows_that_are_alike_give_no_effect() {
        let points: Vec<(usize, usize, f64)> =
            (0..6).flat_map(|row| spread(10).map(move |z| (row, row % 2, z))).collect();
        for cell in margin_effects(&points).unwrap().cells {
            assert_eq!((cell.effect, cell.interval, cell.p), (0.0, (0.0, 0.0), 1.0));
        }
        assert_eq!(margin_effects(&[(0, 0, 1.0), (1, 1, 1.0)]), None);
        assert_eq!(margin_effects(&[]), None);
    }

    /// One value far out is drawn in: by hand, a cell of one among many that agree.
    #[test]
    fn few_are_drawn_more_than_many() {
        let mut points: Vec<(usize, usize, f64)> = Vec::new();
        for column in 0..8 {
            let high = if column < 2 { 1.5 } else { 0.0 };
            let count = if column == 0 { 3 } else { 40 };
            points.extend(spread(count).map(|z| (0, column, z + high)));
        }
        let cells = margin_effects(&points).unwrap().cells;
        let [few, many] = [&cells[0], &cells[1]];
        assert!((few.median - many.median).abs() < 0.1 && few.effect < many.effect, "{few:?} {many:?}");
        assert!(few.interval.1 - few.interval.0 > many.interval.1 - many.interval.0);
    }
}
