namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>How people ask for things on a phone. {n}: a name; {a}: an app; {f}: a field; {t}: a text; {d}: a number; {s}: what to do in the app.</summary>
static class PhonePhrases
{
    public static readonly Bilingual Tap = Both(
        """
        Tap {n}
        Click {n}
        Press {n}
        Touch {n}
        Select {n}
        Choose {n}
        Hit {n}
        Tap on {n}
        Click on {n}
        Tap the {n} button
        Press the {n} button
        Click the {n} button
        Tap the {n} icon
        Select the {n} option
        Choose {n} from the screen
        Choose the {n} item
        Find {n} and tap it
        Look for {n} and click it
        Go to {n}
        Push {n}
        Pick {n}
        I want to tap {n}
        I need to select {n}
        Could you click {n}
        On this page, tap {n}
        In the list, select {n}
        Use the button {n}
        ---
        Would you tap {n}
        I want you to press {n}
        On this screen, choose {n}
        Could you select {n}
        In the list, touch the {n} item
        Find the {n} button and press it
        """,
        """
        点击{n}
        点一下{n}
        点按{n}
        点{n}
        按一下{n}
        按{n}
        轻触{n}
        轻点{n}
        选择{n}
        选中{n}
        选一下{n}
        点选{n}
        点开{n}
        进入{n}
        点击{n}按钮
        点一下{n}按钮
        点击{n}图标
        按{n}键
        去{n}看看
        进入{n}页面
        切换到{n}标签
        点击屏幕上的{n}
        在列表里选择{n}
        把{n}点一下
        找到{n}并点击
        找到{n}，点一下
        我要点{n}
        我想选{n}
        ---
        在屏幕上点击{n}
        把{n}选中
        我想点一下{n}
        找到{n}按钮并点一下
        在列表里点{n}
        我要进入{n}页面
        """);

    public static readonly Bilingual LongPress = Both(
        """
        Long press {n}
        Long-press {n}
        Long press on {n}
        Press and hold {n}
        Touch and hold {n}
        Hold down {n}
        Hold {n}
        Long press the {n} icon
        Press and hold the {n} button
        Do a long press on {n}
        I want to long press {n}
        ---
        Do a long press on the {n} item
        Press and hold the {n} icon
        I need to hold down {n}
        """,
        """
        长按{n}
        长按一下{n}
        按住{n}
        按住{n}不放
        对{n}长按
        在{n}上长按
        长按{n}图标
        长按{n}按钮
        把{n}按住
        我要长按{n}
        ---
        把{n}按住不放
        我想长按一下{n}
        在屏幕上长按{n}
        """);

    public static readonly Bilingual DoubleTap = Both(
        """
        Double tap {n}
        Double-tap {n}
        Double tap on {n}
        Double click {n}
        Tap {n} twice
        Click {n} twice
        Double tap the {n} icon
        Tap twice on {n}
        Do a double tap on {n}
        I want to double tap {n}
        ---
        Do a double tap on the {n} item
        Double click the {n} button
        I need to tap {n} twice
        """,
        """
        双击{n}
        双击一下{n}
        连点两下{n}
        连续点两次{n}
        快速点两下{n}
        对{n}双击
        在{n}上双击
        双击{n}图标
        把{n}双击一下
        我要双击{n}
        ---
        我想双击一下{n}
        在屏幕上双击{n}
        快速点两次{n}
        """);

    public static readonly Bilingual Launch = Both(
        """
        Open {a}
        Launch {a}
        Start {a}
        Run {a}
        Open the {a} app
        Launch the {a} app
        Start the {a} app
        Run the {a} application
        Open the app {a}
        Bring up the {a} app
        Switch to the {a} app
        I want to use the {a} app
        I want to open {a}
        Could you launch {a}
        ---
        I want you to start {a}
        Launch the {a} application
        Could you open the app {a}
        Bring up the application {a}
        """,
        """
        打开{a}
        启动{a}
        运行{a}
        打开{a}应用
        启动{a}应用
        运行{a}应用
        打开{a}软件
        打开{a}App
        打开应用{a}
        帮我打开一下{a}
        把{a}打开
        切换到{a}应用
        我要用{a}应用
        我想打开{a}
        开启{a}应用
        ---
        我想启动{a}
        把{a}应用打开
        运行一下{a}软件
        我要打开{a}应用
        """);

    public static readonly Bilingual InApp = Both(
        """
        Open {a} and {s}
        Launch {a} and {s}
        Open {a}, then {s}
        In {a}, {s}
        In the {a} app, {s}
        Start {a} and then {s}
        Use {a} to {s}
        Go to the {a} app and {s}
        First open {a}, then {s}
        ---
        Launch the {a} app and then {s}
        Use the {a} app to {s}
        First start {a} and then {s}
        """,
        """
        打开{a}，{s}
        打开{a}并{s}
        打开{a}，然后{s}
        在{a}里{s}
        在{a}应用里{s}
        用{a}{s}
        去{a}应用{s}
        启动{a}后{s}
        先打开{a}，再{s}
        ---
        启动{a}应用，然后{s}
        打开{a}后{s}
        先启动{a}，再{s}
        """);

    public static readonly Bilingual Type = Both(
        """
        Type {t} in {f}
        Type {t} into {f}
        Enter {t} in {f}
        Enter {t} into the {f} field
        Type {t} into the {f} box
        Write {t} in {f}
        Put {t} in the {f} box
        Input {t} in {f}
        In {f}, type {t}
        In the {f} field, enter {t}
        Fill {f} with {t}
        Fill in {f} with {t}
        I want to type {t} in {f}
        ---
        Write {t} into the {f} field
        In the {f} box, type {t}
        I need to enter {t} in {f}
        """,
        """
        在{f}输入{t}
        在{f}里输入{t}
        在{f}中输入{t}
        在{f}里填写{t}
        在{f}中填入{t}
        往{f}里输入{t}
        往{f}填入{t}
        在{f}里写{t}
        把{t}输入到{f}
        把{t}填到{f}里
        给{f}填上{t}
        将{t}输入{f}
        我要在{f}里输入{t}
        ---
        往{f}中填写{t}
        把{t}写到{f}里
        我想在{f}中输入{t}
        """);

    public static readonly Bilingual Back = Both(
        """
        Go back
        Back
        Press back
        Press the back button
        Return to the previous page
        Go back to the previous page
        Go to the previous screen
        Return to the last page
        Close this page
        Leave this page
        Exit this screen
        Step back
        Go back one page
        I want to go back
        ---
        Return to the previous screen
        Could you close this screen
        Tap the back button once
        Leave this page and go back
        """,
        """
        返回
        后退
        返回上一页
        返回上一级
        返回上一步
        回到上一页
        回到上一个界面
        退回上一页
        退回上一级
        按返回键
        点返回键
        退出当前页面
        关闭当前页面
        关闭这个页面
        我要返回
        ---
        退回到上一级
        我想回到上一页
        按一下返回键
        退出这个页面
        """);

    public static readonly Bilingual Home = Both(
        """
        Go home
        Home
        Press home
        Press the home button
        Go to the home screen
        Return to the home screen
        Go back to the home screen
        Show the home screen
        Show the desktop
        Go to the desktop
        Return to the desktop
        I want to go to the home screen
        Exit to the home screen
        ---
        Return to the phone's home screen
        Could you show the home screen
        Leave this app and go to the home screen
        I want to see the desktop
        """,
        """
        回到桌面
        返回桌面
        回桌面
        去桌面
        退到桌面
        回到主屏幕
        返回主屏幕
        回主屏幕
        按主屏幕键
        按Home键
        回到系统桌面
        显示桌面
        我要回桌面
        ---
        返回系统桌面
        我想回到主屏幕
        按一下Home键
        退回桌面
        """);

    public static readonly Bilingual Wait = Both(
        """
        Wait {d} seconds
        Wait for {d} seconds
        Pause for {d} seconds
        Pause {d} seconds
        Just wait {d} seconds
        Do nothing for {d} seconds
        Give it {d} seconds
        ---
        Just pause for {d} seconds
        I want you to wait {d} seconds
        """,
        """
        等待{d}秒
        等{d}秒
        等{d}秒钟
        等待{d}秒钟
        暂停{d}秒
        先等{d}秒
        停{d}秒
        ---
        先暂停{d}秒
        我要等待{d}秒
        """);

    public static readonly Bilingual Note = Both(
        """
        Note this page
        Take a note of this page
        Record this page
        Write down this page
        Record what is on this page
        Note down the current page
        ---
        Record the current page
        Take a note of what is on this page
        """,
        """
        记录当前页面
        记录这一页
        记下当前页面
        记下这一页的内容
        记录本页内容
        把这一页记下来
        ---
        记录当前页面的内容
        把当前页面记下来
        """);

    public static readonly Bilingual Summarise = Both(
        """
        Summarize this page
        Summarize the current page
        Give a summary of this page
        Sum up this page
        Write a summary of the current page
        ---
        Sum up the current page
        Give me a summary of what is on this page
        """,
        """
        总结当前页面
        总结这一页
        总结一下本页内容
        概括当前页面
        概括一下这一页
        ---
        总结一下当前页面的内容
        把这一页总结一下
        """);

    public static readonly Bilingual Notifications = Both(
        """
        Open the notifications
        Pull down the notification bar
        Show the notification bar
        Check the notification bar
        ---
        Pull down the notifications
        Could you open the notification bar
        """,
        """
        打开通知栏
        下拉通知栏
        查看通知栏
        把通知栏拉下来
        ---
        把通知栏打开
        我要看通知栏
        """);

    public static readonly Bilingual Refresh = Both(
        """
        Refresh the page
        Refresh
        Pull to refresh
        Pull down to refresh
        Refresh this page
        ---
        Could you refresh the current page
        Pull down to refresh this page
        """,
        """
        刷新页面
        刷新
        下拉刷新
        刷新一下
        刷新当前页面
        ---
        刷新一下这个页面
        把页面刷新一下
        """);

    /// <summary>The finger's way.</summary>
    public static readonly Bilingual Swipe = Both(
        """
        Swipe {w}
        Slide {w}
        Flick {w}
        Swipe the screen {w}
        Swipe {w} on this page
        Slide {w} a little
        Swipe {w} once
        ---
        Slide the screen {w}
        Flick {w} once
        I want to swipe {w}
        """,
        """
        向{w}滑动
        向{w}滑
        往{w}滑
        往{w}滑动
        {w}滑
        手指向{w}滑动
        向{w}滑一下
        屏幕向{w}滑动
        ---
        往{w}滑一下
        手指往{w}滑
        我要向{w}滑动
        """);

    /// <summary>The reader's way over the page, against the finger's.</summary>
    public static readonly Bilingual Scroll = Both(
        """
        Scroll {w}
        Scroll the page {w}
        Scroll {w} on this page
        Scroll {w} a little
        Scroll {w} once
        Move the page view {w} by scrolling
        ---
        Scroll this page {w}
        I want to scroll {w}
        """,
        """
        向{w}滚动
        往{w}滚动
        页面向{w}滚动
        向{w}滚动一下
        向{w}翻页
        往{w}翻页
        ---
        页面往{w}滚动一下
        我要向{w}滚动
        """);

    public static readonly Bilingual Before = Both(
        """
        {x}
        {x}
        {x}
        {x}
        Please {x}
        Please {x}
        Now {x}
        Next, {x}
        OK, {x}
        Hey, {x}
        Then {x}
        Help me: {x}
        Hi, {x}
        Hello, {x}
        Could you {x}
        Would you {x}
        Can you {x}
        Will you {x}
        I want you to {x}
        I need you to {x}
        I would like you to {x}
        I want to {x}
        I need to {x}
        You should {x}
        Go ahead and {x}
        Just {x}
        Kindly {x}
        Quickly {x}
        First {x}
        Finally, {x}
        After that, {x}
        The next step: {x}
        Task: {x}
        Your task is to {x}
        It is time to {x}
        Please, could you {x}
        Do this: {x}
        ---
        {x}
        Please now {x}
        OK then, {x}
        Hello, please {x}
        """,
        """
        {x}
        {x}
        {x}
        {x}
        请{x}
        请{x}
        帮我{x}
        请帮我{x}
        麻烦{x}
        现在{x}
        接下来{x}
        你好，{x}
        然后{x}
        请你{x}
        我想让你{x}
        我要你{x}
        我想请你{x}
        我想{x}
        我要{x}
        我需要{x}
        需要{x}
        能不能{x}
        可以{x}
        快{x}
        先{x}
        再{x}
        最后{x}
        下一步：{x}
        任务：{x}
        你的任务是{x}
        您好，{x}
        劳驾{x}
        拜托{x}
        好的，{x}
        嗯，{x}
        给我{x}
        ---
        {x}
        麻烦帮我{x}
        现在请{x}
        你好，请{x}
        """);

    public static readonly Bilingual After = Both(
        """
        {x}
        {x}
        {x}
        {x}.
        {x}.
        {x}!
        {x} please
        {x}, please.
        {x} now
        {x}, thanks
        {x} for me
        {x} right now
        {x} at once
        {x} when you can
        {x}, OK?
        {x}?
        {x} quickly
        {x} again
        {x} then
        {x}, will you?
        ---
        {x}
        {x} for me, please
        {x} now, thanks.
        """,
        """
        {x}
        {x}
        {x}
        {x}。
        {x}。
        {x}！
        {x}吧
        {x}，谢谢
        {x}，谢谢。
        {x}，快点
        {x}，好吗
        {x}，可以吗？
        {x}好吗？
        {x}，麻烦了
        {x}，多谢
        {x}就行
        {x}即可
        {x}哦
        {x}一次
        ---
        {x}
        {x}吧，谢谢
        {x}，谢谢！
        """);

    static Bilingual Both(string english, string chinese) => new(Phrases.Read(english), Phrases.Read(chinese));
}
