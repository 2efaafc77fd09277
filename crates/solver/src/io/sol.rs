//! Solutions in the style of CVRPLIB: `Route #1: 3 7 2` and `Cost 1234`.

use super::fault::{Fault, Sink};
use super::instance::AMOUNT_SCALE;
use super::limits::{NODES_MAX, VEHICLES_MAX};
use super::number::{Field, count};
use std::fmt::Write as _;
use xiangyun_model::problem::Problems;

/// A solution as a file states it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SolutionText {
    /// Customer numbers of each route, in the order of the file; 0 or a depot's number inside is a reload.
    pub routes: Vec<Vec<usize>>,
    /// The `Cost` line, in whatever unit its publisher chose.
    pub cost: Option<f64>,
}

/// Reads a solution.
///
/// # Errors
/// All problems found in the text.
pub fn read(text: &str, file: &str) -> Result<SolutionText, Problems> {
    let mut sink = Sink::new(file);
    let mut solution = SolutionText::default();
    let mut stops = 0_usize;
    for (at, line) in text.lines().enumerate() {
        let (row, line) = (at as u64 + 1, line.trim());
        let lower = line.get(..5).map(str::to_ascii_lowercase);
        match lower.as_deref() {
            Some("route") => {
                let Some((_, list)) = line.split_once(':') else {
                    sink.push(Fault::Solution, row, "Route", line, "no colon; Route #1: 3 7 2");
                    continue;
                };
                let mut route = Vec::new();
                for token in list.split_ascii_whitespace() {
                    route.extend(count(
                        &mut sink,
                        Field { row, column: "Route", text: Some(token) },
                        NODES_MAX,
                    ));
                }
                stops += route.len();
                solution.routes.push(route);
                if solution.routes.len() > VEHICLES_MAX || stops > 4 * NODES_MAX {
                    sink.push(Fault::TooMany, row, "Route", "", "too many routes or stops");
                    break;
                }
            }
            Some("cost" | "cost " | "cost:") => cost(&mut sink, &mut solution, row, &line[4..]),
            _ if line.get(..4).is_some_and(|w| w.eq_ignore_ascii_case("cost")) => {
                cost(&mut sink, &mut solution, row, &line[4..]);
            }
            _ => {}
        }
    }
    if solution.routes.is_empty() {
        sink.push(Fault::Solution, 0, "Route", "", "no routes; lines such as Route #1: 3 7 2");
    }
    sink.finish(Some(solution))
}

fn cost(sink: &mut Sink, solution: &mut SolutionText, row: u64, rest: &str) {
    let text = rest.trim_start_matches(':').trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => solution.cost = Some(value),
        _ => sink.push(Fault::Solution, row, "Cost", text, "not a number; Cost 1234"),
    }
}

/// Writes a solution, with the cost as given.
#[must_use]
pub fn write(routes: &[Vec<usize>], cost: &str) -> String {
    let mut text = String::new();
    for (at, route) in routes.iter().enumerate() {
        let _ = write!(text, "Route #{}:", at + 1);
        for stop in route {
            let _ = write!(text, " {stop}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "Cost {cost}");
    text
}

/// An amount in millionths as a plain decimal.
pub(crate) fn plain_number(amount: i64) -> String {
    let (whole, part) = (
        amount.unsigned_abs() / AMOUNT_SCALE.unsigned_abs(),
        amount.unsigned_abs() % AMOUNT_SCALE.unsigned_abs(),
    );
    let sign = if amount < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let routes = vec![vec![3, 1], vec![], vec![2, 0, 4]];
        let text = write(&routes, "12.5");
        assert_eq!(text, "Route #1: 3 1\nRoute #2:\nRoute #3: 2 0 4\nCost 12.5\n");
        assert_eq!(read(&text, "x.sol").expect("our own text"), SolutionText { routes, cost: Some(12.5) });
    }

    #[test]
    fn bad_lines_have_their_row() {
        let problems = read("Route 1 2 3\nRoute #2: 1 x\nCost: abc\n", "x.sol").expect_err("three bad lines");
        let rows: Vec<u64> = problems.list().iter().map(|p| p.row).collect();
        assert_eq!(rows, [1, 2, 3]);
    }

    #[test]
    fn amounts_print_plainly() {
        assert_eq!(plain_number(2_500_000), "2.5");
        assert_eq!(plain_number(-70_000_000), "-70");
    }
}
