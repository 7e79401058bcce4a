using Mewe.Store;

namespace Mewe.Cluster.Tests.Running;

/// <summary>The programs as they were built, each in its own folder with what it needs, as users have them.</summary>
internal static class Programs
{
    public static string Mewe { get; } = Built("client/Mewe.Client", "mewe");

    /// <summary>The scheduler that the tests are about: leases, or what MEWE_TEST_SCHEDULER says. Orleans has to be built before, it is no part of the solution.</summary>
    public static string Scheduler { get; } = Environment.GetEnvironmentVariable("MEWE_TEST_SCHEDULER") is { Length: > 0 } chosen ? chosen : NewSilo.Leases;

    /// <summary>The program that has it.</summary>
    public static string Silo { get; } = Scheduler == NewSilo.Leases ? Built("silo/Mewe.Silo", "mewe-silo") : Built("silo/Mewe.Silo.Orleans", "mewe-silo-orleans");

    /// <summary>Tests are in ROOT/tests/NAME/bin/CONFIGURATION/FRAMEWORK, and programs in folders of the same shape.</summary>
    private static string Built(string project, string program)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = output.Parent!.Parent!.Parent!.Parent!.Parent!;
        return Path.Combine(root.FullName, project, "bin", output.Parent.Name, output.Name, program);
    }
}
