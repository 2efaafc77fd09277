//! Quantiles of a count whose mean is itself uncertain: Poisson mixed by a gamma, which is negative binomial.

/// The smallest count that is not exceeded with probability `q`.
///
/// `mean` of the count; `spread` is the coefficient of variation of the mean itself.
pub(super) fn negative_binomial(mean: f64, spread: f64, q: f64) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    // Variance = mean + (spread · mean)²; size r = 1 / spread².
    let r = if spread > 1e-3 { 1.0 / (spread * spread) } else { 1e6 };
    let p = r / (r + mean);
    // P(0) = p^r, then P(k) = P(k-1) · (k - 1 + r) / k · (1 - p), in logarithms so that large means do not underflow.
    let mut log = r * p.ln();
    let mut sum = log.exp();
    let most = (mean + 20.0 * (mean + (spread * mean).powi(2)).sqrt() + 20.0) as u32;
    let mut k = 0;
    while sum < q && k < most {
        k += 1;
        log += ((f64::from(k) - 1.0 + r) / f64::from(k)).ln() + (1.0 - p).ln();
        sum += log.exp();
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles() {
        // Poisson(4): P(X ≤ 4) = 0.629, P(X ≤ 6) = 0.889, P(X ≤ 7) = 0.949.
        assert_eq!(negative_binomial(4.0, 0.0, 0.5), 4);
        assert_eq!(negative_binomial(4.0, 0.0, 0.9), 7);
        // A gamma of shape 1 makes it geometric: P(X ≤ k) = 1 - (1/2)^(k+1) for mean 1.
        assert_eq!(negative_binomial(1.0, 1.0, 0.5), 0);
        assert_eq!(negative_binomial(1.0, 1.0, 0.9), 3);
        assert_eq!(negative_binomial(0.0, 0.1, 0.9), 0);
        assert!((990..=1010).contains(&negative_binomial(1000.0, 0.01, 0.5)));
    }
}
