//! The Chinese catalogue of the command line. Keys: a command's path, or `path.argument`; `*.argument` serves every
//! command that has no text of its own. One line an entry, sorted by group.

/// Key and text.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("", "乡运：县乡村三级物流的双向配送计划、调度与核算引擎"),
    ("*.json", "标准输出只打印一个 JSON 文档"),
    ("*.lang", "帮助与提示的语言：zh 或 en（默认取自 LANG）"),
    ("*.out", "输出目录或文件"),
    ("*.seed", "随机种子；相同输入、种子、步数与线程数得到相同结果"),
    ("*.seconds", "搜索时间（秒，可带小数）"),
    ("*.steps", "搜索步数（代替时间，结果与时钟无关）"),
    ("*.threads", "线程数"),
    // errors
    ("errors", "查询提示代码的含义与处理办法"),
    ("errors.code", "代码，例如 P104；不给则打印全部"),
    // roads
    ("roads", "路网：生成、建立与查询"),
    ("roads synthesize", "按县域事实生成一套合理的合成路网（OSM PBF，非实测）"),
    ("roads synthesize.county", "县数据目录（county.toml、sites.csv，可有 corridors.csv）"),
    ("roads synthesize.out", "输出的 .osm.pbf 文件"),
    ("roads synthesize.seed", "随机种子（默认取自县代码）"),
    ("roads build", "由 OSM 文件（.osm.pbf 或 .osm）建立可直接使用的路网文件"),
    ("roads build.file", "OSM 文件"),
    ("roads build.out", "路网文件的输出位置"),
    ("roads build.profiles", "车型与时段文件（TOML；默认使用内置车型）"),
    ("roads info", "显示路网文件的内容"),
    ("roads info.verify", "逐段核对校验和"),
    ("roads route", "依次经过各地点的最快路线；JSON 含 seconds、metres、geometry"),
    ("roads route.places", "地点：经度,纬度（WGS-84），至少两个"),
    ("roads matrix", "各点之间的时间（秒，向上取整）与里程（米）；不可达为空"),
    ("roads matrix.points", "点表 CSV：id,lon,lat"),
    ("roads matrix.out", "结果 CSV：from,to,seconds,metres"),
    ("roads isochrone", "给定分钟数内可到达的道路（GeoJSON）"),
    ("roads isochrone.place", "地点：经度,纬度（WGS-84）"),
    ("roads isochrone.minutes", "分钟数"),
    ("*.roads", "路网文件"),
    ("*.profile", "车型（默认 van）"),
    ("*.at", "出发时刻（当地时间），如 2026-11-24T08:30；默认取第一个时段"),
    // check
    ("check", "独立校验计划目录：逐事件重放全天"),
    ("check.plan", "计划目录"),
    ("check.roads", "预处理路网：另以朴素 Dijkstra 重算 500 个行程单元"),
    // orders
    ("orders", "生成或导入一天的订单"),
    ("orders generate", "按县情假定生成一天的订单"),
    ("orders generate.county", "县数据目录"),
    ("orders generate.date", "订单日期"),
    ("orders generate.profile", "county.toml 中的需求档，例如 default、30000、60000"),
    ("orders generate.out", "输出的订单文件"),
    ("orders import", "导入其他系统的订单（CSV，含 GBK、GB 18030；XLSX）；留下正确的行，其余逐行报告"),
    ("orders import.file", "其他系统的订单文件"),
    ("orders import.county", "县数据目录"),
    ("orders import.mapping", "列名对照表，两列：theirs、ours"),
    ("orders import.date", "订单所属日期（默认为县的默认日）"),
    ("orders import.out", "输出的订单文件（正确的行）"),
    // telematics
    ("telematics", "解码、编码与接收车辆终端数据"),
    ("telematics decode", "逐行解码标准输入：JT 帧与 MessagePack 为十六进制，手机上报为 JSON；每行输出一行 JSON"),
    ("telematics decode.protocol", "各行的协议（默认逐行识别）"),
    ("telematics decode.edition", "JT/T 808 或 809 的版本，帧本身无法区分时使用（默认逐帧识别）"),
    ("telematics decode.key", "JT/T 809 加密常数"),
    ("telematics encode", "把 decode 的输出行或单条消息还原为帧或上报"),
    ("telematics encode.protocol", "各行的协议（默认按行内说明）"),
    ("telematics encode.edition", "JT/T 808 或 809 的版本，消息未说明时使用"),
    ("telematics encode.key", "JT/T 809 加密常数"),
    // vrp
    ("vrp", "求解与校验车辆路径问题算例"),
    ("vrp solve", "求解一个算例：VRPLIB 及其变体、Solomon、Li-Lim、JD、VROOM JSON 或本系统 JSON"),
    ("vrp solve.file", "算例文件"),
    (
        "vrp solve.kind",
        "问题类型（文件未说明时给出）：cvrp、vrptw、vrpb、vrpspd、vrpspdtw、pdptw、mdvrptw、hfvrp、mtvrptwr、pcvrptw、rich",
    ),
    (
        "vrp solve.convention",
        "距离与费用的口径：round、dimacs、exact、hierarchical、jd（默认为该算例集发布时的口径）",
    ),
    ("vrp solve.seconds", "搜索时间（秒，可带小数，不含读入；默认 10）"),
    ("vrp solve.clock", "秒数所指的时钟：wall 为墙钟，cpu 为本进程处理器时间"),
    ("vrp solve.threads", "线程数；1 表示全程只用一个线程"),
    ("vrp solve.start", "作为起点的已有解"),
    ("vrp solve.out", "解文件的输出位置：CVRPLIB 格式；算例为 JSON 且文件名以 .json 结尾时按编号输出"),
    ("vrp schema", "打印本系统 JSON 格式的模式（JSON Schema）"),
    ("vrp check", "按算例核算并校验一个解；违反规则时退出码为 1"),
    ("vrp check.file", "算例文件"),
    ("vrp check.solution", "解文件：CVRPLIB 格式；JSON 算例也可用本系统的解或 VROOM 的回答"),
    ("vrp check.kind", "问题类型（文件未说明时给出）"),
    ("vrp check.convention", "距离与费用的口径（默认为该算例集发布时的口径）"),
];

/// The text of a key, if there is one.
pub(super) fn text(key: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(k, _)| *k == key).map(|(_, text)| *text)
}
