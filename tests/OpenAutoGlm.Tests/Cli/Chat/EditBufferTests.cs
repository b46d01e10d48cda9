namespace OpenAutoGlm.Cli.Chat;

public class EditBufferTests
{
    [Fact]
    public void The_cursor_steps_over_whole_characters()
    {
        EditBuffer buffer = new();
        buffer.Insert("a👩‍🚀é");
        buffer.Left();
        buffer.Left();
        Assert.Equal(1, buffer.Cursor);
        buffer.Delete();
        Assert.Equal("aé", buffer.Text);
        buffer.End();
        buffer.Backspace();
        buffer.Backspace();
        buffer.Backspace();
        Assert.Equal("", buffer.Text);
    }

    [Fact]
    public void Lines_are_edited_one_by_one()
    {
        EditBuffer buffer = new();
        buffer.Insert("first line\nsecond one");
        Assert.True(buffer.Up());
        Assert.False(buffer.Up());
        buffer.DeleteToLineEnd();
        Assert.Equal("first line\nsecond one", buffer.Text);
        buffer.Home();
        buffer.DeleteToLineEnd();
        Assert.Equal("\nsecond one", buffer.Text);
        Assert.True(buffer.Down());
        Assert.False(buffer.Down());
        buffer.End();
        buffer.DeleteWord();
        Assert.Equal("\nsecond ", buffer.Text);
        buffer.DeleteToLineStart();
        Assert.Equal("\n", buffer.Text);
    }

    [Fact]
    public void Random_edits_never_leave_the_text()
    {
        Random random = new(7);
        EditBuffer buffer = new();
        Action[] edits =
        [
            () => buffer.Insert("语"), () => buffer.Insert("x"), () => buffer.Insert(" "), () => buffer.Insert("\n"), () => buffer.Insert("🙂"), buffer.Backspace, buffer.Delete, buffer.DeleteWord,
            buffer.Left, buffer.Right, buffer.Home, buffer.End, () => buffer.Up(), () => buffer.Down(), buffer.DeleteToLineEnd, buffer.DeleteToLineStart,
        ];
        for (int i = 0; i < 20_000; i++)
        {
            edits[random.Next(edits.Length)]();
            Assert.InRange(buffer.Cursor, 0, buffer.Length);
            Assert.False(buffer.Cursor > 0 && buffer.Cursor < buffer.Length && char.IsLowSurrogate(buffer.Text[buffer.Cursor]));
        }
    }
}
