namespace OpenAutoGlm.Graph.Tensors;

/// <summary>Owns memory whose pages can be given back and come again when they are touched: a mapped file.</summary>
public unsafe interface IPageSource
{
    /// <summary>Gives back the pages that lie wholly within a part of the memory.</summary>
    void ReleasePages(byte* data, long bytes);
}
