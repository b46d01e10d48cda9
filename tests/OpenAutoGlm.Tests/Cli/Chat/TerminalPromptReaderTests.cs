namespace OpenAutoGlm.Cli.Chat;

public class TerminalPromptReaderTests
{
    readonly Queue<ConsoleKeyInfo> _keys = [];
    readonly StringWriter _output = new();
    bool _pasting;

    [Fact]
    public void Enter_sends_what_was_typed_and_edited()
    {
        Type("helo");
        Press(ConsoleKey.LeftArrow);
        Type("l");
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("hello", Reader().Read());
    }

    [Fact]
    public void A_backslash_before_enter_begins_a_new_line()
    {
        Type("one\\");
        Press(ConsoleKey.Enter, '\r');
        Type("two");
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("one\ntwo", Reader().Read());
    }

    [Fact]
    public void Alt_enter_and_control_j_begin_new_lines()
    {
        Type("one");
        Press(ConsoleKey.Enter, '\r', ConsoleModifiers.Alt);
        Type("two");
        Press(ConsoleKey.J, '\n', ConsoleModifiers.Control);
        Type("three");
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("one\ntwo\nthree", Reader().Read());
    }

    [Fact]
    public void Line_ends_inside_pasted_text_do_not_send_it()
    {
        _pasting = true;
        Type("one");
        Press(ConsoleKey.Enter, '\r');
        Type("two");
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("one\ntwo", Reader().Read());
    }

    [Fact]
    public void The_arrows_bring_earlier_turns_back_and_the_draft()
    {
        TerminalPromptReader reader = Reader();
        foreach (string turn in new[] { "first", "second" })
        {
            Type(turn);
            Press(ConsoleKey.Enter, '\r');
            Assert.Equal(turn, reader.Read());
        }

        Type("draft");
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.DownArrow);
        Press(ConsoleKey.DownArrow);
        Press(ConsoleKey.DownArrow);
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("first", reader.Read());
    }

    [Fact]
    public void Control_c_takes_the_text_back_and_at_an_empty_prompt_interrupts()
    {
        Type("never mind");
        Press(ConsoleKey.C, '\x03', ConsoleModifiers.Control);
        Press(ConsoleKey.C, '\x03', ConsoleModifiers.Control);
        Assert.Throws<PromptInterruptedException>(() => Reader().Read());
    }

    [Fact]
    public void Control_d_at_an_empty_prompt_ends()
    {
        Press(ConsoleKey.D, '\x04', ConsoleModifiers.Control);
        Assert.Null(Reader().Read());
    }

    [Fact]
    public void Wide_characters_move_the_cursor_two_columns()
    {
        Type("你好");
        Press(ConsoleKey.LeftArrow);
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal("你好", Reader().Read());
        Assert.Contains("\r\e[4C", _output.ToString());
        Assert.Contains("\r\e[6C", _output.ToString());
    }

    [Fact]
    public void A_long_line_is_broken_by_the_editor_and_drawn_over_itself()
    {
        Type(new string('x', 30));
        Press(ConsoleKey.Enter, '\r');
        Assert.Equal(30, Reader(width: 20).Read()!.Length);
        Assert.Contains($"› {new string('x', 17)}\r\n· {new string('x', 13)}", _output.ToString());
        Assert.Contains("\e[1A\r\e[J", _output.ToString());
    }

    TerminalPromptReader Reader(int width = 80) => new(_keys.Dequeue, () => _pasting && _keys.Count > 0, () => (width, 25), _output, colours: false);

    void Type(string text)
    {
        foreach (char character in text)
        {
            Press(0, character);
        }
    }

    void Press(ConsoleKey key, char character = '\0', ConsoleModifiers modifiers = 0) =>
        _keys.Enqueue(new ConsoleKeyInfo(character, key, modifiers.HasFlag(ConsoleModifiers.Shift), modifiers.HasFlag(ConsoleModifiers.Alt), modifiers.HasFlag(ConsoleModifiers.Control)));
}
