//! Convergence as a plain SVG: mean gap to the best found over processor time, one line a row of the table.

use crate::judge::Run;
use crate::listing::Row;
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 480.0;
const COLOURS: [&str; 8] =
    ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5"];

/// Points of a row: at each fraction of the budget the mean gap, in percent, to the run's own final cost.
fn curve(row: &Row, runs: &[&Run]) -> Vec<(f64, f64)> {
    let steps = 60;
    (1..=steps)
        .filter_map(|at| {
            // Even steps in the logarithm of time, from a hundredth of the budget.
            let time = row.seconds as f64 * 100f64.powf(f64::from(at) / f64::from(steps) - 1.0);
            let gaps: Vec<f64> = runs
                .iter()
                .filter_map(|run| {
                    let last = run.curve.last()?.1;
                    let now = run.curve.iter().rev().find(|(t, _)| *t <= time)?.1;
                    (last > 0.0).then_some((now / last - 1.0) * 100.0)
                })
                .collect();
            (!gaps.is_empty()).then(|| (time, gaps.iter().sum::<f64>() / gaps.len() as f64))
        })
        .collect()
}

/// Draws all rows.
pub(crate) fn convergence(rows: &[Row], runs: &[Run]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        HEIGHT + 20.0 * rows.len() as f64
    );
    let (left, top, right, bottom) = (60.0, 20.0, WIDTH - 20.0, HEIGHT - 40.0);
    let x = |time: f64| left + (right - left) * ((time.max(0.05) / 0.05).ln() / (120f64 / 0.05).ln());
    let y = |gap: f64| {
        bottom - (bottom - top) * ((gap.max(0.01) / 0.01).ln() / (100f64 / 0.01).ln()).clamp(0.0, 1.0)
    };
    for gap in [0.01, 0.1, 1.0, 10.0, 100.0] {
        let at = y(gap);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/><text x=\"8\" y=\"{at:.1}\">{gap} %</text>"
        );
    }
    for time in [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0] {
        let at = x(time);
        let _ = writeln!(
            svg,
            "<line y1=\"{top}\" y2=\"{bottom}\" x1=\"{at:.1}\" x2=\"{at:.1}\" stroke=\"#eee\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{time} s</text>",
            bottom + 16.0
        );
    }
    for (number, row) in rows.iter().enumerate() {
        let of_row = |run: &&Run| {
            run.set == row.set && run.seconds == row.seconds && run.convention == row.convention.name()
        };
        let runs: Vec<&Run> = runs.iter().filter(of_row).collect();
        let points: Vec<String> = curve(row, &runs)
            .into_iter()
            .map(|(time, gap)| format!("{:.1},{:.1}", x(time), y(gap)))
            .collect();
        let colour = COLOURS[number % COLOURS.len()];
        let dash = ["none", "6 3", "2 2"][number / COLOURS.len() % 3];
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-dasharray=\"{dash}\" points=\"{}\"/>",
            points.join(" ")
        );
        let at = HEIGHT + 20.0 * number as f64;
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/><text x=\"{}\" y=\"{}\">{}</text>",
            left + 40.0,
            left + 50.0,
            at + 4.0,
            row.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Cost of an iteration in microseconds by number of jobs, from nothing up.
pub(crate) fn growth(points: &[(f64, f64)]) -> String {
    let most = points.iter().map(|p| p.1).fold(0.0, f64::max) * 1.2;
    let size = points.iter().map(|p| p.0).fold(1.0, f64::max);
    let (x, y) =
        (|n: f64| 60.0 + n / size * (WIDTH - 100.0), |v: f64| HEIGHT - 40.0 - v / most * (HEIGHT - 80.0));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    let _ = writeln!(
        text,
        "<path d=\"M60 {:.0}H{:.0}M60 {:.0}V{:.0}\" stroke=\"#888\" fill=\"none\"/>",
        y(0.0),
        x(size),
        y(0.0),
        y(most)
    );
    let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
    let _ = writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
        line.join(" "),
        COLOURS[0]
    );
    for (n, each) in points {
        let _ =
            writeln!(text, "<text x=\"{:.0}\" y=\"{:.0}\">{each:.2} µs</text>", x(*n) - 20.0, y(*each) - 8.0);
        let _ = writeln!(text, "<text x=\"{:.0}\" y=\"{:.0}\">{n:.0}</text>", x(*n) - 12.0, HEIGHT - 20.0);
    }
    text.push_str("</svg>\n");
    text
}
