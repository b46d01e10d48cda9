namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>What names are made of.</summary>
static class NameWords
{
    public static readonly string[] Apps =
    [
        "微信", "支付宝", "淘宝", "京东", "美团", "抖音", "小红书", "高德地图", "百度地图", "哔哩哔哩", "微博", "知乎", "携程", "12306", "QQ音乐", "网易云音乐", "拼多多", "饿了么", "大众点评", "飞书",
        "Chrome", "Gmail", "YouTube", "WhatsApp", "Telegram", "Spotify", "Netflix", "Twitter", "Reddit", "Google Maps", "Duolingo", "Uber", "Booking", "Temu", "Joplin", "VLC",
    ];

    public static readonly string[] ChineseWords = Split("""
        搜索 设置 消息 订单 我的 首页 发现 通讯录 购物车 收藏 关注 推荐 热门 附近 客服 地图 音乐 视频 相机 相册 日历 时钟 天气 备忘录 文件 邮件 浏览器 电话
        短信 联系人 银行 外卖 打车 酒店 机票 火车票 电影 美食 咖啡 奶茶 蛋糕 水果 蔬菜 超市 药店 快递 充值 会员 优惠券 积分 钱包 账单 余额 签到 任务 活动
        直播 频道 新闻 体育 财经 科技 游戏 阅读 小说 漫画 课程 学习 考试 单词 词典 翻译 健康 运动 跑步 步数 睡眠 体重 医生 挂号 保险 理财 股票 基金 房屋
        租房 家具 装修 汽车 加油 停车 违章 公交 地铁 路线 导航 定位 分享 评论 点赞 回复 转发 发送 编辑 删除 保存 取消 确定 提交 下一步 完成 更多 全部 筛选
        排序 价格 销量 距离 评分 图片 语音 表情 红包 群聊 公众号 小程序 朋友圈 动态 空间 头像 昵称 密码 隐私 安全 通知 声音 显示 电池 网络 蓝牙 热点 存储
        语言 字体 壁纸 主题 更新 帮助 反馈 关于 退款 换货 地址 发票 物流 评价 店铺 客厅 卧室 空调 电灯 窗帘 扫地机 门锁 摄像头 日程 闹钟 计算器 录音 手电筒
        搜索框 输入框 姓名 城市 日期 时间 数量 颜色 尺码 备注 标题 内容 邮箱 公司 学校 班级 老师 同学 家人 朋友 旅行 攻略 景点 门票 签证 行李 航班 座位
        """);

    public static readonly string[] EnglishWords = Split("""
        Search Settings Messages Orders Profile Contacts Cart Favorites Following Explore Nearby Support Maps Music Videos Camera Photos Calendar
        Clock Weather Notes Files Mail Browser Phone Bank Food Taxi Hotels Flights Trains Movies Coffee Tea Cake Fruit Market Pharmacy Delivery
        Recharge Members Coupons Points Wallet Bills Balance Tasks Events Live Channels News Sports Finance Science Games Reading Novels Comics Courses
        Learn Exams Words Dictionary Translate Health Fitness Running Steps Sleep Weight Doctor Insurance Stocks Funds Rent Furniture Cars Fuel Parking
        Bus Metro Routes Navigate Location Share Comments Like Reply Forward Send Edit Delete Save Cancel OK Submit Next Finish More All Filter Sort
        Price Sales Distance Rating Pictures Voice Stickers Groups Updates Space Avatar Nickname Password Privacy Security Notifications Sound Display
        Battery Network Bluetooth Hotspot Storage Language Font Wallpaper Theme Help Feedback About Refund Exchange Address Invoice Shipping Reviews Store
        Kitchen Bedroom Lights Curtains Vacuum Lock Schedule Alarm Calculator Recorder Flashlight Name City Date Time Amount Color Size Remark Title
        Content Email Company School Class Teacher Family Friends Travel Guide Tickets Visa Luggage Seat My New Daily Smart Green Blue Red Black White
        Super Mini Cloud Star Moon Sun River City Garden Ocean
        """);

    // Names that mean nothing: only copying helps.
    public const string Characters =
        "天地人大小山水火木金日月星云雨风雪春夏秋冬东南西北上中下左右前后里外红黄蓝绿白黑青紫花草树叶鸟鱼马牛羊虎龙猫狗熊兔米面饭菜茶酒果瓜豆油盐糖醋衣服鞋帽布丝棉包箱" +
        "床桌椅灯笔纸书画琴棋歌舞影声光电车船飞机路桥门窗墙楼城村店厂校园医院银行局所部科室组队会社团员工农商学兵男女老少父母儿孙兄弟姐妹王李张刘陈杨赵周吴徐" +
        "孙朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜戴夏钟汪任姜范方石姚谭廖邹熊陆郝孔崔康毛邱秦江史顾侯邵孟万段雷钱汤尹黎易常武乔贺赖龚文" +
        "一二三四五六七八九十百千多好新旧短远近美乐爱心想看听说读走跑跳笑真善清明华丽光辉永安宁平和顺利成功福禄寿喜财宝玉珠银铁铜器具品类型号码数字线圈";

    public static readonly string[] Syllables = Split("""
        ba be bi bo bu da de di do du fa fe fi fo ga ge go gu ha he hi ho ja jo ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po
        ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo wa we wi za ze zi zo zu lan den mar tor vin kel ron sun tek lix nox zen pix dor bel
        """);

    /// <summary>All words of letters, apps included.</summary>
    public static readonly string[] AllEnglish =
        [.. EnglishWords, .. Apps.SelectMany(app => app.Split(' ')).Where(word => word.All(char.IsAsciiLetter))];

    /// <summary>All characters that names are written with and that are no ASCII.</summary>
    public static readonly char[] AllCharacters =
        [.. Characters.Concat(ChineseWords.Concat(Apps).SelectMany(word => word)).Where(character => !char.IsAscii(character)).Distinct()];

    static string[] Split(string text) => text.Split([' ', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
