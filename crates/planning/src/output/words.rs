//! The one catalogue of texts on papers and pages: Chinese first, English beside it.

use xiangyun_model::plan::{CostTerm, Limit, RepairAction, TripKind};

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Simplified Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $zh:literal, $en:literal;)*) => {
        $(
            $(#[$doc])*
            #[doc = $en]
            pub const $name: Word = Word { zh: $zh, en: $en };
        )*
        /// All of them, for the completeness test.
        pub const ALL: &[Word] = &[$($name),*];
    };
}

words! {
    MANIFEST: "派车交接单", "Trip manifest";
    ALL_MANIFESTS: "全天派车单（按发车时间）", "All manifests by departure";
    OVERVIEW: "日计划总览", "Day plan overview";
    DATE: "日期", "Date";
    PLAN: "计划号", "Plan";
    TRIP: "车次", "Trip";
    VEHICLE: "车辆", "Vehicle";
    PLATE: "车牌", "Plate";
    DRIVER: "驾驶员", "Driver";
    DEPARTS: "发车", "Departs";
    RETURNS: "返回", "Returns";
    DISTANCE: "里程", "Distance";
    STOPS: "站点数", "Stops";
    STOP: "停靠点", "Stop";
    NO: "序", "No.";
    TIME: "到—离", "Arrive–leave";
    LATEST: "最迟", "Latest";
    HAND_OVER: "卸交", "Hand over";
    TAKE_ON: "装收", "Take on";
    UNITS: "件装", "units";
    PIECES: "件", "pcs";
    KG: "公斤", "kg";
    KM: "公里", "km";
    ON_BOARD: "离站在车", "On board after";
    SIGN: "签收", "Signed";
    SCAN: "扫码办理", "Scan to serve";
    DOCK: "月台", "Dock";
    SEALED: "封签", "sealed";
    BROKEN: "拆零", "loose";
    COMPARTMENT: "车厢", "Compartment";
    REST: "按规停车休息", "Statutory rest";
    COLD: "冷链", "cold chain";
    FRAGILE: "易碎", "fragile";
    PRINT_A4: "A4 打印", "Print A4";
    PRINT_80: "80 毫米热敏打印", "Print 80 mm";
    SYNTHETIC: "道路网与多数村点坐标为依据公开资料合成，非实测", "Roads and most village points are synthetic, made from public facts, not surveyed";
    SYNTHETIC_POINTS: "部分地点坐标为估计值，非实测", "Some places have estimated coordinates, not surveyed ones";
    ORDERS: "订单", "Orders";
    SERVED: "已安排", "Served";
    UNASSIGNED: "未安排", "Unassigned";
    COST: "费用", "Cost";
    COST_TERMS: "费用构成", "Cost by term";
    YUAN: "元", "yuan";
    VEHICLES: "用车", "Vehicles";
    TRIPS: "车次数", "Trips";
    TIMELINE: "车辆时间轴", "Vehicles over the day";
    MAP: "线路图", "Map";
    FILL: "各车次满载率（去程 / 回程）", "Fill by trip (out / back)";
    ARRIVALS: "到达村点时间分布（件/半小时）", "Pieces reaching points, by half hour";
    STATIONS: "分站一览", "By station";
    STATION: "中转站", "Station";
    BOUND: "理论上限", "Upper bound";
    SCARCE: "最紧缺资源", "Scarcest resources";
    RESOURCE: "资源", "Resource";
    LEFT: "因此未安排", "Left because of it";
    ONE_MORE: "再增一份可多送", "One more serves";
    REASON: "原因", "Reason";
    REPAIR: "最省办法", "Cheapest repair";
    DEFERRED: "改期", "Deferred";
    BREACHES: "服务承诺例外", "Breaches of service";
    NONE: "无", "none";
    KPI: "指标", "KPI";
    VALUE: "数值", "Value";
    FORMULA: "算法", "Formula";
    LINE: "班线", "Line";
    HUB: "县级中心", "Hub";
    VILLAGE: "村点", "Village point";
    SEARCH: "查找村点或车辆", "Find a place or vehicle";
    LAYERS: "图层", "Layers";
    MAP_HINT: "点选线路查看行程；滚轮缩放，拖动平移，双击复位", "Click a trip to see it; wheel to zoom, drag to move, double click to reset";
    SEARCH_HINT: "村名、站名、车号或订单车次", "Village, station, vehicle or trip";
    GO_MANIFESTS: "打开派车单", "Open manifests";
}

/// A scarce resource (`kind: limit`, as in the plan) in words.
#[must_use]
pub fn resource(id: &str) -> (String, String) {
    let (kind, what) = id.split_once(": ").unwrap_or((id, ""));
    let kind = vehicle_kind(kind);
    let found: Option<Limit> = serde_json::from_value(serde_json::Value::String(what.to_owned())).ok();
    let what = found.map_or(Word { zh: "", en: "" }, limit);
    (format!("{}：{}", kind.zh, what.zh), format!("{}: {}", kind.en, what.en))
}

/// A kind of vehicle, by its word in the files.
#[must_use]
pub fn vehicle_kind(word: &str) -> Word {
    match word {
        "micro_van" => Word { zh: "微面", en: "micro van" },
        "van" => Word { zh: "厢式货车", en: "van" },
        "truck" => Word { zh: "4.2 米货车", en: "truck" },
        "line" | "bus" => Word { zh: "客货邮班线", en: "bus line" },
        _ => Word { zh: "车辆", en: "vehicle" },
    }
}

/// What a trip is for.
#[must_use]
pub const fn trip_kind(kind: TripKind) -> Word {
    match kind {
        TripKind::Trunk => Word { zh: "干线", en: "Trunk" },
        TripKind::Round => Word { zh: "支线", en: "Round" },
        TripKind::Direct => Word { zh: "直送", en: "Direct" },
        TripKind::Line => Word { zh: "客货邮班线", en: "Bus line" },
    }
}

/// A term of the objective.
#[must_use]
pub const fn cost_term(term: CostTerm) -> Word {
    match term {
        CostTerm::Vehicles => Word { zh: "车辆日租", en: "Vehicles" },
        CostTerm::Kilometres => Word { zh: "行驶里程", en: "Kilometres" },
        CostTerm::Crew => Word { zh: "驾驶工时", en: "Crew" },
        CostTerm::Overtime => Word { zh: "加班", en: "Overtime" },
        CostTerm::Lines => Word { zh: "班线带货", en: "Lines" },
        CostTerm::Handling => Word { zh: "装卸分拣", en: "Handling" },
        CostTerm::Lateness => Word { zh: "迟到", en: "Lateness" },
        CostTerm::Unserved => Word { zh: "未安排", en: "Unserved" },
        CostTerm::Stability => Word { zh: "变动", en: "Stability" },
        CostTerm::Balance => Word { zh: "均衡", en: "Balance" },
        CostTerm::Floor => Word { zh: "服务底线", en: "Service floor" },
    }
}

/// What binds.
#[must_use]
pub const fn limit(limit: Limit) -> Word {
    match limit {
        Limit::Weight => Word { zh: "载重不足", en: "weight" },
        Limit::Volume => Word { zh: "容积不足", en: "volume" },
        Limit::Pieces => Word { zh: "件数超限", en: "pieces" },
        Limit::Band => Word { zh: "无相应温区车厢", en: "temperature band" },
        Limit::Forbidden => Word { zh: "车型或承运规则不允许", en: "not allowed" },
        Limit::Incompatible => Word { zh: "货物不可同车", en: "incompatible goods" },
        Limit::Hours => Word { zh: "营业时间外", en: "opening hours" },
        Limit::Shift => Word { zh: "班次时间不足", en: "shift" },
        Limit::DrivingTime => Word { zh: "连续驾驶时限", en: "driving time" },
        Limit::Range => Word { zh: "续航不足", en: "range" },
        Limit::Release => Word { zh: "到货太晚", en: "released too late" },
        Limit::CutOff => Word { zh: "赶不上截单", en: "cut-off or promise" },
        Limit::TimeOnBoard => Word { zh: "在途时限", en: "time on board" },
        Limit::Trunk => Word { zh: "干线运力不足", en: "trunk room" },
        Limit::Dock => Word { zh: "月台占满", en: "docks" },
        Limit::Storage => Word { zh: "库容不足", en: "storage" },
        Limit::Unreachable => Word { zh: "道路不通", en: "unreachable" },
        Limit::Price => Word { zh: "绕行成本过高", en: "dearer than waiting" },
    }
}

/// What somebody would have to change.
#[must_use]
pub const fn repair(action: RepairAction) -> Word {
    match action {
        RepairAction::AddVehicle => Word { zh: "加派一辆车", en: "add a vehicle" },
        RepairAction::ExtendShift => Word { zh: "延长班次", en: "extend the shift" },
        RepairAction::ExtendHours => Word { zh: "延长营业时间", en: "extend opening hours" },
        RepairAction::MovePromise => Word { zh: "放宽承诺或截单", en: "move the promise" },
        RepairAction::Pay => Word { zh: "支付绕行费用", en: "pay the detour" },
        RepairAction::ChangeHandling => {
            Word { zh: "改用允许的车辆或装载", en: "change vehicle or handling" }
        }
        RepairAction::MeetAtStation => Word { zh: "到站自提或交货", en: "meet at the station" },
        RepairAction::NextDay => Word { zh: "次日安排", en: "carry it next day" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        for word in ALL {
            assert!(!word.zh.is_ascii(), "{word:?}");
            assert!(!word.en.is_empty() && word.en.is_ascii() || word.en.contains('–'), "{word:?}");
        }
    }
}
