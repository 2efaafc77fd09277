//! Words of the pages, Chinese first.

/// An exception's kind in both languages.
pub(super) fn kind(word: &str) -> (&'static str, &'static str) {
    match word {
        "late_risk" => ("晚点风险", "late risk"),
        "deviation" => ("偏离线路", "off the way"),
        "no_signal" => ("无定位信号", "no signal"),
        "cold_excursion" => ("温度超限", "out of band"),
        "cold_unproven" => ("温度无记录", "temperature unproven"),
        "overload" => ("超载", "overload"),
        "refused" => ("拒收", "refused"),
        "breakdown" => ("车辆故障", "breakdown"),
        "road_closed" => ("道路封闭", "road closed"),
        "trunk_late" => ("干线晚点", "trunk late"),
        "unassigned" => ("未安排", "unassigned"),
        "wrong_place" => ("错放", "wrong place"),
        "hand_over_difference" => ("交接差异", "hand-over difference"),
        "overdue" => ("超期未取", "overdue"),
        "cash_difference" => ("款项差异", "cash difference"),
        "returnables_difference" => ("周转器具差异", "returnables difference"),
        "tidy_up" => ("整理计划", "tidy-up"),
        "cancelled" => ("订单取消", "order cancelled"),
        "point_full" => ("网点爆仓", "point full"),
        _ => ("异常", "exception"),
    }
}

/// A stop's phase in both languages.
pub(super) fn phase(word: &str) -> (&'static str, &'static str) {
    match word {
        "en_route" => ("在途", "en route"),
        "arrived" => ("已到达", "arrived"),
        "served" => ("已完成", "served"),
        "skipped" => ("已跳过", "skipped"),
        "failed" => ("未完成", "failed"),
        _ => ("待执行", "planned"),
    }
}
