//! `report neutrality`: delay, refusal and share by carrier and by group of villages over one or more plans.

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_planning::neutrality::{Group, Service, report};

/// Arguments of `report neutrality`.
#[derive(Args, Debug)]
pub(super) struct NeutralityArgs {
    /// Plan directories
    #[arg(value_name = "PLAN_DIR", required = true)]
    plans: Vec<PathBuf>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Reports on the service of all.
pub(super) fn run(args: &NeutralityArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let mut days = args.plans.iter().map(|dir| super::read_plan(dir)).collect::<Result<Vec<_>, _>>()?;
    days.sort_by_key(|(plan, _)| plan.date);
    let report = report(&days);
    if args.json {
        print_json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    let percent = |pm: u64| format!("{}.{} %", pm / 10, pm % 10);
    let line = |name: &str, s: &Service| {
        let (share, refused, on_time) = (percent(s.share_pm), percent(s.refused_pm), percent(s.on_time_pm));
        lang.pick(
            format!(
                "{name}：{} 票（{share}），未安排 {refused}，准时 {on_time}，平均 {} 分钟",
                s.orders, s.way_min
            ),
            format!(
                "{name}: {} orders ({share}), {refused} left, {on_time} on time, {} min on average",
                s.orders, s.way_min
            ),
        )
    };
    for (carrier, service) in &report.carriers {
        println!("{}", line(carrier, service));
    }
    let name = |group: Group| match group {
        Group::Poor => lang.pick("重点贫困村", "poor"),
        Group::Remote => lang.pick("偏远村", "remote"),
        Group::Other => lang.pick("其他", "other"),
    };
    for (group, service) in &report.groups {
        println!("{}", line(name(*group), service));
    }
    for gaps in &report.gaps {
        println!(
            "{}",
            lang.pick(
                format!(
                    "{}：{} 个村点，当日到 {}，最长 {} 天未到，超过底线 {}",
                    name(gaps.group),
                    gaps.villages,
                    gaps.visited,
                    gaps.longest_days,
                    gaps.past_floor
                ),
                format!(
                    "{}: {} points, {} visited, longest {} days without, {} past the floor",
                    name(gaps.group),
                    gaps.villages,
                    gaps.visited,
                    gaps.longest_days,
                    gaps.past_floor
                ),
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}
