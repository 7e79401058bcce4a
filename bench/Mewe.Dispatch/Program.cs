using System.Collections.Immutable;
using System.Globalization;
using Mewe.Dispatch;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Linking;

const int calls = 100_000, rounds = 51;
const string Plain = "behind a dispatcher that does not choose", Blinded = "blinded: the choice is in the operands";

var auto = new LinkOptions { Policy = DispatchPolicy.Auto };
(string Name, byte[] Module)[] forms =
[
    ("direct call, no choice", HotLoop.Original().Source.ToArray()),
    ("floor: a bare jump on an unpredictable index", HotLoop.BareJump()),
    ("call: fresh choice, fast generator", HotLoop.Linked(new LinkOptions())),
    ("call: fresh choice, ChaCha8", HotLoop.Linked(new LinkOptions { Generator = GeneratorKind.ChaCha8 })),
    ("call: fresh choice, binary search", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Call) { Form = DispatchForm.BinarySearch })),
    ("call: fresh choice, inlined", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Call) { Form = DispatchForm.Inlined })),
    ("periodic: fresh on every 16th call", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Periodic) { Period = 16 })),
    ("periodic: fresh on every 1024th call", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Periodic) { Period = 1024 })),
    ("entry: one choice for each call from the host", HotLoop.Linked(new LinkOptions { Policy = DispatchPolicy.Entry })),
    ("entry, binary search", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Entry) { Form = DispatchForm.BinarySearch })),
    ("entry, inlined", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Entry) { Form = DispatchForm.Inlined })),
    ("periodic 1024, inlined", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Periodic) { Period = 1024, Form = DispatchForm.Inlined })),
    ("instance: one choice for each instance", HotLoop.Linked(new LinkOptions { Policy = DispatchPolicy.Instance })),
    ("bound to a caller that chooses on every call", HotLoop.Linked(auto, new FunctionDispatch(DispatchMode.Direct) { Bound = true }, new FunctionDispatch(DispatchMode.Call))),
    (Plain, HotLoop.Forced()),
    (Blinded, HotLoop.Blinded()),
    ("MEWE's way: the host chooses", HotLoop.Linked(new LinkOptions { Randomness = RandomnessMode.Import })),
];

var started = await NodeEngine.StartAsync(new NodeEngineOptions(), CancellationToken.None);
if (!started.TryGet(out var engine, out var missing))
{
    Console.Error.WriteLine(missing);
    return 69;
}

await using (engine)
{
    var workload = new ExportCallsWorkload([new ExportCall("loop", [WasmValue.I32(calls)])]);
    Console.WriteLine($"{HotLoop.Variants} variants of a tiny function in a hot loop, {engine.Info.Name} {engine.Info.Version}, nanoseconds per call (median of {rounds} rounds in alternation)");
    var answer = await engine.TimeAsync(
        new TimingRequest([.. forms.Select(form => (ReadOnlyMemory<byte>)form.Module)], workload, rounds) { Tier = TimingTier.Optimized }, CancellationToken.None);
    if (!answer.TryGet(out var result, out var failure) || result.Rejection is not null)
    {
        Console.Error.WriteLine(result?.Rejection ?? failure!.ToString());
        return 69;
    }

    var medians = result.Nanoseconds.Select(times => times.Sort()[times.Length / 2] / calls).ToArray();
    var floor = medians[1] - medians[0];
    var plain = Array.FindIndex(forms, form => form.Name == Plain);
    for (var i = 0; i < forms.Length; i++)
    {
        // What blinding costs is seen against the same function behind the same dispatcher.
        var choice = medians[i] - medians[forms[i].Name == Blinded ? plain : 0];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{forms[i].Name,-48} {medians[i],7:0.00}   choice {choice,7:0.00}   {choice / floor,5:0.00} of the floor"));
    }
}

return 0;
