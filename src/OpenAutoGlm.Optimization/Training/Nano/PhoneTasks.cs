namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Makes conversations of a phone agent: what is asked, what the screen shows, and the thinking and the action that are
/// right. Thinking first copies what it looks for and where that is, so that the action is a copy of it.
/// </summary>
sealed class PhoneTasks
{
    /// <summary>The system message that asks for actions. The chat template shortens any that spells out the actions to one word.</summary>
    public const string System = "You operate a phone. Think, then answer with do(action=\"…\") or finish(message=\"…\").";

    const string Up = "up";
    const string Down = "down";
    const string Left = "left";
    const string Right = "right";

    /// <summary>
    /// Kinds of conversations, with how many in a hundred they are of what is held out, and of what is trained on: more where
    /// names have to be compared, which is learnt last.
    /// </summary>
    static readonly (int HeldOut, int Train, Action<PhoneTasks> Make)[] Kinds =
    [
        (16, 13, tasks => tasks.OnElement("tap", PhonePhrases.Tap)),
        (5, 5, tasks => tasks.OnElement("long_press", PhonePhrases.LongPress)),
        (5, 6, tasks => tasks.OnElement("double_tap", PhonePhrases.DoubleTap)),
        (12, 11, tasks => tasks.TypeText(inApp: null)),
        (12, 16, tasks => tasks.LaunchOnly()),
        (10, 11, tasks => tasks.InApp()),
        (13, 16, tasks => tasks.Absent()),
        (3, 4, tasks => tasks.Sensitive()),
        (3, 2, tasks => tasks.Simple("back", PhonePhrases.Back, tasks._isEnglish ? "Go back." : "返回上一页。", PhoneActions.Back)),
        (3, 2, tasks => tasks.Simple("home", PhonePhrases.Home, tasks._isEnglish ? "Go to the home screen." : "回到桌面。", PhoneActions.Home)),
        (5, 4, tasks => tasks.WaitAsked()),
        (6, 5, tasks => tasks.Swiped()),
        (2, 2, tasks => tasks.Written()),
        (5, 3, tasks => tasks.Unusual()),
    ];

    readonly Dice _dice;
    readonly NanoSplit _split;
    readonly NanoLanguage _language;
    readonly Names _names;
    readonly List<NanoMessage> _messages = [];
    readonly bool _isEnglish;
    string _group = "";
    string _answer = "";

    PhoneTasks(Dice dice, NanoSplit split, NanoLanguage language)
    {
        (_dice, _split, _language, _isEnglish) = (dice, split, language, language == NanoLanguage.English);
        _names = new Names(dice, split);
    }

    /// <summary>One conversation; with <paramref name="areApps"/> one for which the wanted app has to be compared with the one in front.</summary>
    public static NanoExample Make(Dice dice, NanoSplit split, NanoLanguage language, bool areApps = false)
    {
        PhoneTasks tasks = new(dice, split, language);
        if (dice.Percent(40))
        {
            tasks._messages.Add(new NanoMessage("system", System));
        }

        if (!areApps)
        {
            tasks.Draw();
        }
        else if (dice.Percent(65))
        {
            tasks.LaunchOnly();
        }
        else
        {
            tasks.InApp();
        }

        return new NanoExample(tasks._group, language, tasks._messages, tasks._answer, Thinks: true) { Ability = NanoAbility.Phone };
    }

    void Draw()
    {
        int drawn = _dice.Below(100);
        foreach ((int heldOut, int train, Action<PhoneTasks> make) in Kinds)
        {
            drawn -= _split == NanoSplit.Train ? train : heldOut;
            if (drawn < 0)
            {
                make(this);
                return;
            }
        }
    }

    // ---- one action on an element

    void OnElement(string kind, Bilingual phrases)
    {
        (string task, PhoneElement target, List<PhoneElement> elements) = Aim(kind == "tap" && _dice.Percent(5) ? PhonePhrases.Tap : phrases);
        User(new PhoneScreen(App(), elements).First(Polite(task)));
        Say(kind, Found(target, Verb(kind)), ActionOf(kind, target));
        MaybeDone();
    }

    (string Task, PhoneElement Target, List<PhoneElement> Elements) Aim(Bilingual phrases)
    {
        string name = _names.Element(_language);
        string task = Phrase(phrases).Replace("{n}", Quoted(name), StringComparison.Ordinal);
        List<PhoneElement> elements = Elements(_dice.From(1, 7), task, name);
        PhoneElement target = Element(name);
        elements.Insert(_dice.Below(elements.Count + 1), target);
        return (task, target, elements);
    }

    static string ActionOf(string kind, PhoneElement target) => kind switch
    {
        "long_press" => PhoneActions.LongPress(target),
        "double_tap" => PhoneActions.DoubleTap(target),
        _ => PhoneActions.Tap(target),
    };

    string Verb(string kind) => kind switch
    {
        "long_press" => _isEnglish ? "long press" : "长按",
        "double_tap" => _isEnglish ? "double tap" : "双击",
        _ => _isEnglish ? "tap" : "点击",
    };

    void Sensitive()
    {
        string name = _names.Payment(_language);
        string task = Phrase(PhonePhrases.Tap).Replace("{n}", Quoted(name), StringComparison.Ordinal);
        List<PhoneElement> elements = Elements(_dice.From(1, 6), task, name);
        PhoneElement target = Element(name);
        elements.Insert(_dice.Below(elements.Count + 1), target);
        User(new PhoneScreen(App(), elements).First(Polite(task)));
        Say("sensitive", Found(target, _isEnglish ? "money, tap" : "涉及钱，点击"), PhoneActions.SensitiveTap(target));
    }

    void Absent()
    {
        string name = _names.Element(_language);
        Bilingual phrases = _dice.Pick(PhonePhrases.Tap, PhonePhrases.Tap, PhonePhrases.LongPress, PhonePhrases.DoubleTap);
        string kind = phrases == PhonePhrases.LongPress ? "long_press" : phrases == PhonePhrases.DoubleTap ? "double_tap" : "tap";
        string task = Phrase(phrases).Replace("{n}", Marked(name), StringComparison.Ordinal);
        string app = App();
        User(new PhoneScreen(app, Elements(_dice.From(2, 6), task, name)).First(Polite(task)));
        string thought = _isEnglish ? $"{name}: not on the screen, swipe." : $"{name}：不在屏幕上，滑动查找。";
        Say("search", thought, SwipeTo(Up));
        if (_dice.Percent(40))
        {
            List<PhoneElement> elements = Elements(_dice.From(1, 5), task, name);
            PhoneElement target = Element(name);
            elements.Insert(_dice.Below(elements.Count + 1), target);
            User(new PhoneScreen(app, elements).Later);
            Say(kind, Found(target, Verb(kind)), ActionOf(kind, target));
            MaybeDone();
        }
    }

    // ---- typing

    void TypeText(string? inApp)
    {
        string field = _names.Element(_language);
        string text = _names.Text(_language);
        string task = Phrase(PhonePhrases.Type).Replace("{f}", Quoted(field), StringComparison.Ordinal).Replace("{t}", Marked(text), StringComparison.Ordinal);
        string app = inApp ?? App();
        string begun = "";
        if (inApp is not null)
        {
            task = Inside(inApp, task);
            begun = LaunchFirst(inApp, task);
        }

        bool isFocused = _dice.Percent(50);
        List<PhoneElement> elements = Elements(_dice.From(1, 6), task, field);
        PhoneElement target = Element(field) with { IsFocused = isFocused };
        if (!isFocused && _dice.Percent(30))
        {
            elements[0] = elements[0] with { IsFocused = true };
        }

        int place = _dice.Below(elements.Count + 1);
        elements.Insert(place, target);
        PhoneScreen screen = new(app, elements);
        UserOrLater(screen, task, inApp);
        string thought = begun + Where(target);
        if (!isFocused)
        {
            Say("type", thought + (_isEnglish ? ", not focused: tap." : "，未聚焦，点击。"), PhoneActions.Tap(target));
            if (_dice.Percent(50))
            {
                return;
            }

            target = target with { IsFocused = true };
            elements = [.. elements.Select(element => element with { IsFocused = false })];
            elements[place] = target;
            User(new PhoneScreen(app, elements).Later);
            thought = Where(target);
        }

        Say("type", thought + (_isEnglish ? " focused: type." : " focused，输入。"), PhoneActions.Type(text));
        MaybeDone();
    }

    // ---- apps

    void LaunchOnly()
    {
        string app = _names.App(_language);
        string task = Polite(Phrase(PhonePhrases.Launch).Replace("{a}", Quoted(app), StringComparison.Ordinal));
        if (_messages.Count > 0 && _dice.Percent(30))
        {
            // Some clients say nothing of the screen at first but what its picture shows.
            User(task);
            Say("launch", _isEnglish ? $"Wanted \"{app}\": launch." : $"目标“{app}”，启动。", PhoneActions.Launch(app));
            return;
        }

        bool isOpen = _dice.Percent(_split == NanoSplit.Train ? 45 : 30);
        string current = isOpen ? app : Current(app);
        User(new PhoneScreen(current, _dice.Percent(40) ? [] : Elements(_dice.From(1, 5), task, app)).First(task));
        if (!isOpen)
        {
            Say("launch", Wanted(app, current) + (_isEnglish ? ": launch." : "，启动。"), PhoneActions.Launch(app));
            if (_dice.Percent(70))
            {
                return;
            }

            User(new PhoneScreen(app, _dice.Percent(40) ? [] : Elements(_dice.From(1, 5), task, app)).Later);
        }

        Say("finish", Wanted(app, app) + (_isEnglish ? ": it is open." : "，已打开。"), PhoneActions.Finish(_isEnglish ? $"{app} is open" : $"已打开{app}"));
    }

    void InApp()
    {
        string app = _names.App(_language);
        if (_dice.Percent(25))
        {
            TypeText(app);
            return;
        }

        string kind = _dice.Pick("tap", "tap", "tap", "long_press", "double_tap");
        (string inner, PhoneElement target, List<PhoneElement> elements) = Aim(kind switch
        {
            "long_press" => PhonePhrases.LongPress,
            "double_tap" => PhonePhrases.DoubleTap,
            _ => PhonePhrases.Tap,
        });
        string task = Inside(app, inner);
        elements.RemoveAll(element => element != target && task.Contains(element.Name, StringComparison.OrdinalIgnoreCase));
        string begun = LaunchFirst(app, task);
        UserOrLater(new PhoneScreen(app, elements), task, app);
        Say(kind, begun + Found(target, Verb(kind)), ActionOf(kind, target));
        MaybeDone();
    }

    string Inside(string app, string task)
    {
        string frame = Phrase(PhonePhrases.InApp);
        bool isPlain = _isEnglish || frame.Contains("{a}，", StringComparison.Ordinal) || frame.Contains("{a}应用", StringComparison.Ordinal);
        return Polite(frame.Replace("{a}", isPlain ? Quoted(app) : Marked(app), StringComparison.Ordinal).Replace("{s}", Lower(task), StringComparison.Ordinal));
    }

    /// <summary>Perhaps a turn in another app first. What the next thought begins with.</summary>
    string LaunchFirst(string app, string task)
    {
        if (_dice.Percent(45))
        {
            return Wanted(app, app) + (_isEnglish ? ". " : "，");
        }

        string current = Current(app);
        User(new PhoneScreen(current, _dice.Percent(40) ? [] : Elements(_dice.From(1, 5), task, app)).First(task));
        Say("launch", Wanted(app, current) + (_isEnglish ? ": launch." : "，启动。"), PhoneActions.Launch(app));
        return Wanted(app, app) + (_isEnglish ? ". " : "，");
    }

    void UserOrLater(PhoneScreen screen, string task, string? inApp)
    {
        bool isLater = _messages.Any(message => message.Role == "assistant");
        User(isLater ? screen.Later : screen.First(inApp is null ? Polite(task) : task));
    }

    string Wanted(string app, string current) => _isEnglish ? $"Wanted \"{app}\", now \"{current}\"" : $"目标“{app}”，当前“{current}”";

    string Current(string other)
    {
        string current = _split == NanoSplit.Train && other.Length > 1 && _dice.Percent(25) ? _names.Near(other, _language)
            : _dice.Percent(35) ? "System Home" : _names.App(_language);
        return current == other ? "System Home" : current;
    }

    string App() => _dice.Percent(10) ? "System Home" : _names.App(_language);

    // ---- actions that need no element

    void Simple(string group, Bilingual phrases, string thought, string action)
    {
        User(Anything(Polite(Phrase(phrases))));
        Say(group, thought, action);
    }

    void WaitAsked()
    {
        string seconds = _dice.From(1, 60).ToString(global::System.Globalization.CultureInfo.InvariantCulture);
        string task = Phrase(PhonePhrases.Wait).Replace("{d}", seconds, StringComparison.Ordinal);
        User(Anything(Polite(task)));
        Say("wait", _isEnglish ? $"Wait {seconds} seconds." : $"等待{seconds}秒。", PhoneActions.Wait(seconds));
    }

    void Swiped()
    {
        if (_dice.Percent(12))
        {
            Simple("swipe", PhonePhrases.Notifications, _isEnglish ? "Pull down from the top." : "从顶部下拉。", PhoneActions.Swipe("[500,0]", "[500,600]"));
            return;
        }

        if (_dice.Percent(12))
        {
            Simple("swipe", PhonePhrases.Refresh, _isEnglish ? "Pull down to refresh." : "下拉刷新。", SwipeTo(Down));
            return;
        }

        string direction = _dice.Pick(Up, Down, Left, Right);
        bool isScroll = _dice.Percent(45);
        string finger = isScroll ? Opposite(direction) : direction;
        string task = Phrase(isScroll ? PhonePhrases.Scroll : PhonePhrases.Swipe).Replace("{w}", Direction(direction), StringComparison.Ordinal);
        User(Anything(Polite(task)));
        Say("swipe", _isEnglish ? $"{(isScroll ? $"Scroll {direction}, swipe" : "Swipe")} {finger}." : $"{(isScroll ? $"向{Direction(direction)}滚动，" : "")}向{Direction(finger)}滑动。", SwipeTo(finger));
    }

    void Written()
    {
        if (_dice.Percent(50))
        {
            Simple("note", PhonePhrases.Note, _isEnglish ? "Note this page." : "记录本页。", PhoneActions.Note);
        }
        else
        {
            Simple("call_api", PhonePhrases.Summarise, _isEnglish ? "Summarize this page." : "总结本页。", PhoneActions.CallApi(_isEnglish ? "Summarize this page" : "总结当前页面"));
        }
    }

    /// <summary>Screens that stand in the way, and tasks for which nobody said what is on the screen.</summary>
    void Unusual()
    {
        string task = Phrase(PhonePhrases.Tap).Replace("{n}", Quoted(_names.Element(_language)), StringComparison.Ordinal);
        PhoneElement element = Element(_isEnglish ? _dice.Pick("Loading", "Loading...", "Please wait") : _dice.Pick("加载中", "正在加载", "请稍候"));
        switch (_dice.Below(4))
        {
            case 0:
                User(new PhoneScreen(App(), [element]).First(Polite(task)));
                Say("loading", _isEnglish ? "The page is loading: wait." : "页面加载中，等待。", PhoneActions.Wait("2"));
                break;
            case 1:
                PhoneElement check = Element(_isEnglish ? _dice.Pick("Verification code", "Security check", "Verify it is you", "Face verification") : _dice.Pick("验证码", "安全验证", "短信验证", "人脸验证"));
                List<PhoneElement> others = Elements(_dice.From(0, 2), task, check.Name);
                others.Insert(_dice.Below(others.Count + 1), check);
                User(new PhoneScreen(App(), others).First(Polite(task)));
                Say("take_over", _isEnglish ? "Verification: the user must do it." : "需要验证，交给用户。", PhoneActions.TakeOver(_isEnglish ? "Please complete the verification" : "请完成验证"));
                break;
            case 2:
                PhoneElement reload = Element(_isEnglish ? "Reload" : "重新加载");
                User(new PhoneScreen(App(), [Element(_isEnglish ? "Network error" : "网络错误"), reload]).First(Polite(task)));
                Say("reload", _isEnglish ? $"Network error. {Where(reload)}: tap." : $"网络错误，{Where(reload)}，点击。", PhoneActions.Tap(reload));
                break;
            default:
                User(new PhoneScreen(App(), []).First(Polite(task)));
                Say(
                    "no_screen",
                    _isEnglish ? "No list of elements." : "没有元素列表。",
                    PhoneActions.TakeOver(_isEnglish ? "I cannot see the screen without a list of its elements" : "没有元素列表，我看不到屏幕"));
                break;
        }
    }

    // ---- words

    string Anything(string task) => new PhoneScreen(App(), _dice.Percent(30) ? [] : Elements(_dice.From(1, 6), task, "")).First(task);

    string Phrase(Bilingual phrases) => _dice.Pick(phrases.In(_language).Of(_split));

    string Polite(string task)
    {
        string said = Begun(_split == NanoSplit.Train && _dice.Percent(30) ? Begun(task) : task);
        return Phrase(PhonePhrases.After).Replace("{x}", said, StringComparison.Ordinal);
    }

    string Begun(string task)
    {
        string before = Phrase(PhonePhrases.Before);
        return before.Replace("{x}", before.StartsWith('{') ? task : Lower(task), StringComparison.Ordinal);
    }

    string Lower(string task) => _isEnglish && !task.StartsWith("I ", StringComparison.Ordinal) ? char.ToLowerInvariant(task[0]) + task[1..] : task;

    string Quoted(string name) => _dice.Percent(_isEnglish ? 45 : 40) ? name : Marked(name);

    string Marked(string name) => _isEnglish
        ? _dice.Pick($"\"{name}\"", $"\"{name}\"", $"'{name}'")
        : _dice.Pick($"“{name}”", $"“{name}”", $"「{name}」", $"\"{name}\"");

    /// <summary>The element's line, to the letter.</summary>
    static string Where(PhoneElement element) => $"{element.Name} {element.Place}";

    string Found(PhoneElement element, string verb) => Where(element) + (_isEnglish ? $": {verb}." : $"，{verb}。");

    string Direction(string english) => _isEnglish ? english : english switch
    {
        Up => "上",
        Down => "下",
        Left => "左",
        _ => "右",
    };

    static string Opposite(string direction) => direction switch
    {
        Up => Down,
        Down => Up,
        Left => Right,
        _ => Left,
    };

    static string SwipeTo(string finger) => finger switch
    {
        Up => PhoneActions.Swipe("[500,700]", "[500,300]"),
        Down => PhoneActions.Swipe("[500,300]", "[500,700]"),
        Left => PhoneActions.Swipe("[800,500]", "[200,500]"),
        _ => PhoneActions.Swipe("[200,500]", "[800,500]"),
    };

    // ---- screens

    PhoneElement Element(string name) => new(name, _dice.From(5, 995), _dice.From(5, 995));

    /// <summary>Elements whose names the task does not have; some share a part with what it wants, more of them in training.</summary>
    List<PhoneElement> Elements(int count, string task, string wanted)
    {
        List<PhoneElement> elements = [];
        while (elements.Count < count)
        {
            string name = wanted.Length > 1 && _dice.Percent(_split == NanoSplit.Train ? 26 : 18) ? _names.Near(wanted, _language) : _names.Element(_language);
            bool isClear = !task.Contains(name, StringComparison.OrdinalIgnoreCase) && elements.TrueForAll(other => !other.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (isClear && !name.Equals(wanted, StringComparison.OrdinalIgnoreCase))
            {
                elements.Add(Element(name));
            }
        }

        return elements;
    }

    // ---- turns

    void User(string content) => _messages.Add(new NanoMessage("user", content));

    void Say(string group, string thought, string action)
    {
        (_group, _answer) = (group, action);
        _messages.Add(new NanoMessage("assistant", $"<think>{thought}</think><answer>{action}</answer>"));
    }

    void MaybeDone()
    {
        if (_dice.Percent(15))
        {
            User(new PhoneScreen(App(), Elements(_dice.From(1, 4), "", "")).Later);
            Say("finish", _isEnglish ? "The task is done." : "任务已完成。", PhoneActions.Finish(_isEnglish ? "Done" : "任务完成"));
        }
    }
}
