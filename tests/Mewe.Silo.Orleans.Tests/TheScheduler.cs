using System.Runtime.CompilerServices;

namespace Mewe.Silo.Orleans.Tests;

internal static class TheScheduler
{
    /// <summary>The silos that these tests start have Orleans.</summary>
    [ModuleInitializer]
    internal static void Choose() => Environment.SetEnvironmentVariable("MEWE_TEST_SCHEDULER", "orleans");
}
