using System.CommandLine;
using System.Text;
using Mewe.Client;
using Mewe.Client.Output;
using Mewe.Client.Verbs;
using Mewe.Grains;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
var root = new RootCommand("Makes a WebAssembly module a moving target: many equivalent variants of every function, each checked, one chosen at random on every call.")
{
    DiversifyVerb.Command(),
    InspectVerb.Command(),
    ShowVerb.Command(),
    ExplainVerb.Command(),
    VerifyVerb.Command(),
    LearnVerb.Command(),
    RunVerb.Command(),
    EvaluateVerb.Command(),
    EnginesVerb.Command(),
    SubmitVerb.Command(),
    ClusterVerbs.Watch(),
    ClusterVerbs.Status(),
    ClusterVerbs.List(),
    ClusterVerbs.Fetch(),
    ClusterVerbs.Cancel(),
    ClusterVerbs.Retry(),
};

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    CommandOutput.Error($"{parsed.Errors[0].Message} (`mewe{(parsed.CommandResult.Command is RootCommand ? "" : " " + parsed.CommandResult.Command.Name)} --help` shows what there is)");
    return ExitCode.Usage;
}

using var interrupt = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    // The first Ctrl-C asks; outputs are renamed into place at the very end, so nothing is left half-written. A second one is the system's.
    pressed.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
};

using var telemetry = ClientTelemetry.Start();
using var span = ClientTelemetry.Begin(parsed.CommandResult.Command.Name);
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupt.Token);
}
catch (CommandException exception)
{
    CommandOutput.Error(exception.Message);
    return exception.Code;
}
catch (Mewe.Client.Http.MeweApiException exception)
{
    CommandOutput.Error(exception.Message);
    return Cluster.ExitCodeOf(exception);
}
catch (EngineFailedException exception)
{
    CommandOutput.Error(exception.Message);
    return ExitCode.Unavailable;
}
catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
{
    CommandOutput.Error(parsed.CommandResult.Command.Name is "submit" or "watch" ? "stopped waiting; the job goes on" : "cancelled; nothing was written");
    return ExitCode.Cancelled;
}
catch (Exception exception) when (Environment.GetEnvironmentVariable("MEWE_DEBUG") is null)
{
    CommandOutput.Error($"this is a defect of Mewe: {exception.GetType().Name}: {exception.Message} (MEWE_DEBUG=1 shows where)");
    return ExitCode.Internal;
}
