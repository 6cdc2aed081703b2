//! Least squares with a few columns, whose errors may hang together from week to week.

use super::{Estimate, real};

/// A fitted line.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// One coefficient per column.
    pub coefficients: Vec<f64>,
    /// What is left of each row.
    pub residuals: Vec<f64>,
    /// Rows less columns.
    pub freedom: f64,
    /// How alike neighbouring residuals are, from −1 to 1.
    pub autocorrelation: f64,
    /// The variances and covariances of the coefficients.
    covariance: Vec<Vec<f64>>,
}

impl Fit {
    /// A weighted sum of the coefficients, such as the slope at a point.
    #[must_use]
    pub fn estimate(&self, weights: &[f64]) -> Estimate {
        let value = weights.iter().zip(&self.coefficients).map(|(weight, of)| weight * of).sum();
        let row = |row: &Vec<f64>| row.iter().zip(weights).map(|(cell, weight)| cell * weight).sum::<f64>();
        let variance = self.covariance.iter().zip(weights).map(|(cells, weight)| weight * row(cells)).sum();
        Estimate { value, variance, freedom: self.freedom }
    }
}

/// Fits y to columns, in the order of time. Where neighbouring residuals are alike, rows tell less than their number
/// says: variances grow by (1 + r)/(1 − r), never shrink.
///
/// `None` with fewer than three rows more than columns, or columns of which one is made of the others.
#[must_use]
pub fn least_squares(columns: &[Vec<f64>], y: &[f64]) -> Option<Fit> {
    let (width, height) = (columns.len(), y.len());
    if height < width + 3 || columns.iter().any(|column| column.len() != height) {
        return None;
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Columns of one size keep the sums well apart from rounding.
    let sizes: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
    if sizes.iter().any(|size| *size <= 0.0 || !size.is_finite()) {
        return None;
    }
    let scaled: Vec<Vec<f64>> = columns
        .iter()
        .zip(&sizes)
        .map(|(column, size)| column.iter().map(|cell| cell / size).collect())
        .collect();
    let products: Vec<Vec<f64>> = scaled.iter().map(|a| scaled.iter().map(|b| dot(a, b)).collect()).collect();
    let inverse = inverted(products)?;
    let towards: Vec<f64> = scaled.iter().map(|column| dot(column, y)).collect();
    let fitted: Vec<f64> = inverse.iter().map(|row| dot(row, &towards)).collect();
    let residuals: Vec<f64> = y
        .iter()
        .enumerate()
        .map(|(row, y)| {
            let column = |(column, of): (&Vec<f64>, &f64)| column.get(row).copied().unwrap_or(0.0) * of;
            y - scaled.iter().zip(&fitted).map(column).sum::<f64>()
        })
        .collect();
    let squares = dot(&residuals, &residuals);
    let freedom = real(height) - real(width);
    let neighbours: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let autocorrelation = if squares > 0.0 { (neighbours / squares).clamp(-0.95, 0.95) } else { 0.0 };
    let alike = autocorrelation.max(0.0);
    let variance = squares / freedom * (1.0 + alike) / (1.0 - alike);
    let cell = |row: usize, column: usize, cell: f64| {
        let size = |at: usize| sizes.get(at).copied().unwrap_or(1.0);
        cell * variance / (size(row) * size(column))
    };
    let covariance = inverse
        .iter()
        .enumerate()
        .map(|(row, cells)| cells.iter().enumerate().map(|(column, of)| cell(row, column, *of)).collect())
        .collect();
    let coefficients = fitted.iter().zip(&sizes).map(|(of, size)| of / size).collect();
    Some(Fit { coefficients, residuals, freedom, autocorrelation, covariance })
}

/// The inverse of a small symmetric matrix by Gauss and Jordan; `None` where it has none worth the name.
fn inverted(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let width = matrix.len();
    for (row, cells) in matrix.iter_mut().enumerate() {
        cells.extend((0..width).map(|column| f64::from(u8::from(column == row))));
    }
    for step in 0..width {
        let size =
            |row: &usize| matrix.get(*row).and_then(|cells| cells.get(step)).map_or(0.0, |cell| cell.abs());
        let best = (step..width).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&best) < 1e-10 {
            return None;
        }
        matrix.swap(step, best);
        let pivot = matrix.get(step)?.clone();
        let head = *pivot.get(step)?;
        for (row, cells) in matrix.iter_mut().enumerate() {
            let factor = *cells.get(step)? / head;
            for (cell, of) in cells.iter_mut().zip(&pivot) {
                *cell = if row == step { of / head } else { *cell - factor * of };
            }
        }
    }
    Some(matrix.into_iter().map(|cells| cells.into_iter().skip(width).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, and as SciPy's `linregress([1, 2, 3, 4, 5, 6], [2.1, 3.9, 6.2, 7.8, 10.1, 12.2])` has it: slope
    /// 2.02, standard error 0.042762.
    #[test]
    fn a_line() {
        let x: Vec<f64> = (1..=6).map(f64::from).collect();
        let y = [2.1, 3.9, 6.2, 7.8, 10.1, 12.2];
        let fit = least_squares(&[vec![1.0; 6], x], &y).unwrap();
        let slope = fit.estimate(&[0.0, 1.0]);
        assert!((slope.value - 2.02).abs() < 1e-6, "{fit:?}");
        assert!(fit.autocorrelation < 0.0 && (slope.variance.sqrt() - 0.042_761_8).abs() < 1e-6, "{slope:?}");
    }

    /// y = 3 + 2a − b, exactly.
    #[test]
    fn several_columns() {
        let a: Vec<f64> = (0..9).map(|i| f64::from(i * i % 7)).collect();
        let b: Vec<f64> = (0..9).map(|i| f64::from(i * 5 % 4)).collect();
        let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 3.0 + 2.0 * a - b).collect();
        let fit = least_squares(&[vec![1.0; 9], a.clone(), b], &y).unwrap();
        for (found, expected) in fit.coefficients.iter().zip([3.0, 2.0, -1.0]) {
            assert!((found - expected).abs() < 1e-9, "{fit:?}");
        }
        assert!(least_squares(&[vec![1.0; 9], a.clone(), a.iter().map(|a| 2.0 * a).collect()], &y).is_none());
        assert!(least_squares(&[vec![1.0; 4], vec![1.0, 2.0, 3.0, 4.0]], &y[..4]).is_none());
    }

    /// Errors that hang together widen the interval.
    #[test]
    fn neighbours_that_are_alike_tell_less() {
        let x: Vec<f64> = (0..40).map(f64::from).collect();
        let wave: Vec<f64> = x.iter().map(|x| x + 5.0 * (x * 0.3).sin()).collect();
        let fit = least_squares(&[vec![1.0; 40], x.clone()], &wave).unwrap();
        let unaware = fit.residuals.iter().map(|r| r * r).sum::<f64>() / fit.freedom / 5330.0;
        assert!(fit.autocorrelation > 0.8 && fit.estimate(&[0.0, 1.0]).variance > 5.0 * unaware, "{fit:?}");
    }
}
