using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mewe.Throughput;

// Measures how much Mewe gets done: see ../README.md. Every module is measured in a process of its own, because memory is.
var (options, problem) = Options.Parse(args);
if (options is null)
{
    Console.Error.WriteLine($"throughput: {problem}\nusage: throughput [--variants K] [--threads N] [--json FILE] [MODULE.wasm ...]\n       throughput --tester [--engine v8|wasmtime]|--proofs [--candidates N] [--functions N] [--copies N] MODULE.wasm ...");
    return 64;
}

if (options.Tester)
{
    var measured = new List<TesterResult>();

    // The runtime compiles the tester several times, each time better, while it works: only then measuring means something.
    Console.Error.WriteLine("warming up");
    for (var round = 0; round < 2; round++)
    {
        await TesterMeasurement.RunAsync(options.Engine, options.Modules[^1], options.Candidates, options.Functions, options.Copies);
    }

    foreach (var module in options.Modules)
    {
        Console.Error.WriteLine($"measuring {module}");
        measured.Add(await TesterMeasurement.RunAsync(options.Engine, module, options.Candidates, options.Functions, options.Copies));
    }

    ResultTable.Print(measured, options.Candidates, Console.Out);
    return 0;
}

if (options.Proofs)
{
    await ProofMeasurement.RunAsync(options.Modules[^1], options.Candidates, options.Functions);
    Console.WriteLine("module                     functions  median  attempts  proved  proved without solver  attempts/core s  proved/core s  proved/core s without solver  in job   proved/core s in a job");
    foreach (var module in options.Modules)
    {
        Console.WriteLine(await ProofMeasurement.RunAsync(module, options.Candidates, options.Functions));
    }

    return 0;
}

if (options.Child)
{
    Console.WriteLine(JsonSerializer.Serialize(await ModuleMeasurement.RunAsync(options.Modules[0], options.Variants, options.Threads), ThroughputJsonContext.Default.ModuleResult));
    return 0;
}

var results = new List<ModuleResult>();
foreach (var module in options.Modules)
{
    Console.Error.WriteLine($"measuring {module}");
    var start = new ProcessStartInfo(Environment.ProcessPath!,
        ["--child", "--variants", Text(options.Variants), "--threads", Text(options.Threads), module]) { RedirectStandardOutput = true };
    using var child = Process.Start(start)!;
    var json = await child.StandardOutput.ReadToEndAsync();
    await child.WaitForExitAsync();
    if (child.ExitCode != 0)
    {
        return child.ExitCode;
    }

    results.Add(JsonSerializer.Deserialize(json, ThroughputJsonContext.Default.ModuleResult)!);
}

ResultTable.Print(results, Console.Out);
if (options.JsonPath is { } path)
{
    await File.WriteAllBytesAsync(path, JsonSerializer.SerializeToUtf8Bytes([.. results], ThroughputJsonContext.Default.ModuleResultArray));
}

return 0;

static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
