//! The words of the world: brands, categories, campaigns, what posts say.

use super::Market;

/// A brand: its name, its Chinese name, its handle.
pub(crate) struct Brand {
    pub(crate) name: &'static str,
    pub(crate) chinese: &'static str,
    pub(crate) handle: &'static str,
}

pub(crate) const BRANDS: [Brand; 6] = [
    Brand { name: "Nordlicht Bikes", chinese: "北光单车", handle: "nordlichtbikes" },
    Brand { name: "Hanami Tea", chinese: "花见茶", handle: "hanamitea" },
    Brand { name: "Lumen Skin", chinese: "流明护肤", handle: "lumenskin" },
    Brand { name: "Kestrel Outdoor", chinese: "红隼户外", handle: "kestreloutdoor" },
    Brand { name: "Moka Works", chinese: "摩卡工坊", handle: "mokaworks" },
    Brand { name: "Atlas Audio", chinese: "阿特拉斯音响", handle: "atlasaudio" },
];

/// A category of posts: how well it does, and what its posts say.
pub(crate) struct Category {
    pub(crate) name: &'static str,
    pub(crate) pull: f64,
    pub(crate) tags: [&'static str; 2],
    pub(crate) lines: [&'static str; 3],
    pub(crate) chinese: [&'static str; 3],
}

pub(crate) const CATEGORIES: [Category; 5] = [
    Category {
        name: "product",
        pull: 1.0,
        tags: ["newin", "新品"],
        lines: ["New colours are here", "Built to last, made to be repaired", "The small one is back"],
        chinese: ["春季新品抢先看", "升级款正式上线", "这个细节你注意到了吗"],
    },
    Category {
        name: "howto",
        pull: 1.35,
        tags: ["howto", "教程"],
        lines: [
            "Three steps in under a minute",
            "What most people get wrong",
            "Ask us anything: care at home",
        ],
        chinese: ["三步搞定", "很多人都做错了", "一分钟看懂怎么选"],
    },
    Category {
        name: "community",
        pull: 1.15,
        tags: ["community", "晒单"],
        lines: ["Your photos of the week", "Meet the people behind it", "Sunday with you"],
        chinese: ["本周晒单来啦", "认识一下我们的老朋友", "周末一起出发"],
    },
    Category {
        name: "offer",
        pull: 0.8,
        tags: ["offer", "福利"],
        lines: ["Until Sunday: 15 % off", "Bundle and save", "Last pieces of the season"],
        chinese: ["限时八五折", "满减攻略请收好", "本季最后一批"],
    },
    Category {
        name: "news",
        pull: 0.7,
        tags: ["news", "品牌动态"],
        lines: ["We open in Lyon", "Our annual report is out", "Awarded again"],
        chinese: ["新店开业", "年度报告发布", "再次获奖"],
    },
];

pub(crate) const CAMPAIGNS: [(&str, &str); 4] = [
    ("spring_launch", "春日焕新"),
    ("summer_ride", "夏日出发"),
    ("golden_autumn", "金秋好物"),
    ("year_end", "年终盛典"),
];

/// Shares of an audience dimension: value, share. They need not add up to one: the rest is unknown.
pub(crate) fn audience(dimension: &str, market: Market) -> &'static [(&'static str, f64)] {
    match (dimension, market) {
        ("age", _) => &[
            ("13-17", 0.03),
            ("18-24", 0.21),
            ("25-34", 0.36),
            ("35-44", 0.22),
            ("45-54", 0.11),
            ("55-64", 0.05),
            ("65+", 0.02),
        ],
        ("gender", _) => &[("F", 0.56), ("M", 0.41), ("U", 0.03)],
        ("country", Market::China) => &[("CN", 0.94), ("HK", 0.02), ("SG", 0.01)],
        ("country", Market::West) => &[
            ("DE", 0.31),
            ("FR", 0.17),
            ("US", 0.14),
            ("GB", 0.12),
            ("NL", 0.08),
            ("ES", 0.06),
            ("IT", 0.05),
        ],
        ("city", Market::China) => {
            &[("上海", 0.16), ("北京", 0.12), ("深圳", 0.09), ("广州", 0.08), ("杭州", 0.07), ("成都", 0.06)]
        }
        ("city", Market::West) => &[
            ("Berlin, Berlin", 0.08),
            ("Paris, Île-de-France", 0.07),
            ("London, England", 0.06),
            ("Hamburg, Hamburg", 0.04),
            ("Amsterdam, North Holland", 0.04),
        ],
        ("province", _) => {
            &[("广东", 0.18), ("上海", 0.15), ("北京", 0.12), ("浙江", 0.11), ("江苏", 0.10), ("四川", 0.07)]
        }
        ("interest", _) => &[("美食", 0.21), ("旅行", 0.18), ("美妆", 0.16), ("运动", 0.13), ("家居", 0.09)],
        ("device", _) => &[("苹果", 0.36), ("华为", 0.24), ("小米", 0.13), ("OPPO", 0.10), ("vivo", 0.09)],
        ("seniority", _) => &[("4", 0.29), ("5", 0.22), ("3", 0.18), ("6", 0.12), ("8", 0.05)],
        ("function", _) => &[("8", 0.16), ("4", 0.13), ("15", 0.12), ("25", 0.10), ("18", 0.07)],
        ("industry", _) => &[("4", 0.12), ("96", 0.11), ("25", 0.08), ("47", 0.07)],
        ("staff_count", _) => &[
            ("SIZE_2_TO_10", 0.14),
            ("SIZE_11_TO_50", 0.19),
            ("SIZE_51_TO_200", 0.17),
            ("SIZE_1001_TO_5000", 0.12),
        ],
        _ => &[],
    }
}
