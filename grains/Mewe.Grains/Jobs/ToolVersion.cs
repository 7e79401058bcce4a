namespace Mewe.Grains;

/// <summary>The version that reports and multivariant modules name.</summary>
public static class ToolVersion
{
    public static string Text { get; } = typeof(ToolVersion).Assembly.GetName().Version!.ToString(3);
}
