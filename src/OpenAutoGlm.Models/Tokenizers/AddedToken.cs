namespace OpenAutoGlm.Models.Tokenizers;

/// <summary>A token that is cut out of the text before anything else is done with it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its text, not empty.</param>
/// <param name="OnRequest">Whether it is matched only where the caller asks for special tokens.</param>
/// <param name="TakesSpaceBefore">Whether it swallows the white space before it.</param>
/// <param name="TakesSpaceAfter">Whether it swallows the white space after it.</param>
/// <param name="SingleWord">Whether it is matched only where no letter, digit or underscore touches it.</param>
readonly record struct AddedToken(
    int Id, string Text, bool OnRequest, bool TakesSpaceBefore = false, bool TakesSpaceAfter = false, bool SingleWord = false);
