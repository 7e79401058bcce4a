namespace Mewe.Cluster.Tests.Running;

/// <summary>The programs as they were built, each in its own folder with what it needs, as users have them.</summary>
internal static class Programs
{
    public static string Mewe { get; } = Built("client/Mewe.Client", "mewe");

    public static string Silo { get; } = Built("silo/Mewe.Silo", "mewe-silo");

    /// <summary>Tests are in ROOT/tests/NAME/bin/CONFIGURATION/FRAMEWORK, and programs in folders of the same shape.</summary>
    private static string Built(string project, string program)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = output.Parent!.Parent!.Parent!.Parent!.Parent!;
        return Path.Combine(root.FullName, project, "bin", output.Parent.Name, output.Name, program);
    }
}
