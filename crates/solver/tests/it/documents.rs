//! The pages that list codes and bounds are true.

use xiangyun_solver::io::{limits, pose, rich};
use xiangyun_solver::problem;

#[test]
fn every_code_of_a_posed_problem_is_documented() {
    let page = include_str!("../../../../docs/errors.md");
    for code in 501..=513 {
        assert!(page.contains(&format!("| V{code} |")), "V{code} is not in docs/errors.md");
    }
}

#[test]
fn every_bound_is_documented_with_its_value() {
    let page = include_str!("../../../../docs/limits.md");
    let mega = |bytes: u64| format!("{} MiB", bytes >> 20);
    let thousands = |value: usize| {
        let digits = value.to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    };
    for (name, value) in [
        ("problem::JOBS_MAX", thousands(problem::JOBS_MAX)),
        ("problem::VEHICLES_MAX", thousands(problem::VEHICLES_MAX as usize)),
        ("problem::DIMENSIONS_MAX", thousands(problem::DIMENSIONS_MAX)),
        ("problem::VALUE_MAX", format!("2^{}", problem::VALUE_MAX.trailing_zeros())),
        ("problem::PRICE_MAX", format!("2^{}", problem::PRICE_MAX.trailing_zeros())),
        ("budget::THREADS_MAX", thousands(xiangyun_solver::budget::THREADS_MAX)),
        ("io::limits::FILE_BYTES_MAX", mega(limits::FILE_BYTES_MAX)),
        ("io::limits::NODES_MAX", thousands(limits::NODES_MAX)),
        ("io::limits::VEHICLES_MAX", thousands(limits::VEHICLES_MAX)),
        ("io::limits::MATRIX_CELLS_MAX", thousands(limits::MATRIX_CELLS_MAX)),
        ("io::limits::COORDINATE_MAX", format!("{:e}", limits::COORDINATE_MAX)),
        ("io::limits::TIME_MAX", format!("{:e}", limits::TIME_MAX)),
        ("io::limits::ARC_MAX", format!("{:e}", limits::ARC_MAX)),
        ("io::limits::AMOUNT_MAX", format!("{:e}", limits::AMOUNT_MAX)),
        ("io::limits::COST_MAX", format!("{:e}", limits::COST_MAX)),
        ("io::limits::QUOTE_CHARS_MAX", thousands(limits::QUOTE_CHARS_MAX)),
        ("io::limits::RICH_JOBS_MAX", thousands(limits::RICH_JOBS_MAX)),
        ("io::limits::RICH_DIMENSIONS_MAX", thousands(limits::RICH_DIMENSIONS_MAX)),
        ("io::limits::RICH_WINDOWS_MAX", thousands(limits::RICH_WINDOWS_MAX)),
        ("io::limits::RICH_VALUE_MAX", format!("{:e}", limits::RICH_VALUE_MAX as f64)),
        ("io::limits::RICH_CELL_MAX", format!("{:e}", limits::RICH_CELL_MAX as f64)),
        ("io::rich::SKILLS_MAX", thousands(rich::SKILLS_MAX)),
        ("io::rich::GOODS_MAX", thousands(rich::GOODS_MAX)),
        ("check::VIOLATIONS_MAX", thousands(xiangyun_solver::check::VIOLATIONS_MAX)),
        ("io::pose::TRIPS_MAX", thousands(pose::TRIPS_MAX as usize)),
    ] {
        let line = format!("| `solver::{name}` | {value} |");
        assert!(page.contains(&line), "docs/limits.md lacks: {line}");
    }
}
