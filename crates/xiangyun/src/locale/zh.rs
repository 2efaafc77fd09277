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
];

/// The text of a key, if there is one.
pub(super) fn text(key: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(k, _)| *k == key).map(|(_, text)| *text)
}
