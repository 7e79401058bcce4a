using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Mewe.Bench;

/// <summary>A column that turns the mean time into what one wants to know: megabytes or candidates per second.</summary>
internal sealed class RateColumn(string unit, Func<BenchmarkCase, double> amount) : IColumn
{
    public string Id => unit;

    public string ColumnName => unit;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => unit;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        summary[benchmarkCase]?.ResultStatistics is { } statistics
            ? (amount(benchmarkCase) / (statistics.Mean / 1e9)).ToString("N0", System.Globalization.CultureInfo.InvariantCulture)
            : "?";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;
}

/// <summary>The modules that are measured.</summary>
internal static class Samples
{
    public static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "samples", name + ".wasm"));

    public static string NameIn(BenchmarkCase benchmarkCase) => (string)benchmarkCase.Parameters["Sample"];
}

/// <summary>Megabytes (1e6) of module per second.</summary>
internal sealed class MegabytesPerSecond : ManualConfig
{
    public MegabytesPerSecond() => AddColumn(new RateColumn("MB/s", benchmark => Samples.Bytes(Samples.NameIn(benchmark)).Length / 1e6));
}
