using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Diversify;
using Mewe.Linking;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Conformance.Tests.Multivariant;

/// <summary>A valid module of the suite and the variants of its functions.</summary>
/// <param name="Place">Where it first occurs, as script and file.</param>
/// <param name="Functions">Every defined function, also those without variants.</param>
public sealed record DiversifiedModule(string Place, WasmModule Module, ImmutableArray<FunctionVariants> Functions, ImmutableArray<string> Dropped);

/// <summary>All valid modules of the suite with variants, made once and linked in as many ways as asked for.</summary>
public sealed class MultivariantSuite
{
    private const int Parallelism = 2;

    private readonly IReadOnlyDictionary<UInt128, DiversifiedModule> modules;

    private MultivariantSuite(IReadOnlyDictionary<UInt128, DiversifiedModule> modules) => this.modules = modules;

    /// <summary>The distinct modules, in the order in which they first occur.</summary>
    public IEnumerable<DiversifiedModule> Modules => modules.Values.OrderBy(module => module.Place, StringComparer.Ordinal);

    /// <summary>Makes variants for every function of every valid module in scope, or of the given scripts.</summary>
    public static async Task<MultivariantSuite> PrepareAsync(
        SpecSuite suite, VariantSource source, CancellationToken cancellationToken, IReadOnlyList<SpecFile>? only = null)
    {
        var originals = new Dictionary<UInt128, (string Place, byte[] Bytes)>();
        foreach (var file in only ?? suite.Files)
        {
            foreach (var name in suite.Script(file).Commands.Select(ValidModule).OfType<string>())
            {
                var bytes = suite.Read(file, name);
                originals.TryAdd(Hash(bytes), ($"{file.Name}/{name}", bytes));
            }
        }

        var made = new ConcurrentDictionary<UInt128, DiversifiedModule>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(originals, options, async (item, cancellation) =>
            made[item.Key] = await DiversifyAsync(item.Value.Place, item.Value.Bytes, source, cancellation));
        return new MultivariantSuite(made);
    }

    /// <summary>Links every module in one way. A module that cannot be linked is run as it is, and <paramref name="refusals"/> says why.</summary>
    /// <param name="only">Gives only these functions of these modules their variants; null for all.</param>
    public ModuleForm Linked(LinkOptions options, ConcurrentDictionary<string, string> refusals, Func<DiversifiedModule, FunctionVariants, bool>? only = null) => original =>
    {
        var module = modules[Hash(original.Span)];
        var functions = only is null ? module.Functions : [.. module.Functions.Where(function => only(module, function))];
        if (MultivariantLinker.TryLink(module.Module, functions, options, out var error) is { } linked)
        {
            return linked.Module;
        }

        refusals[module.Place] = $"{error!.Kind}: {error.Message}";
        return original;
    };

    /// <summary>The module that has these bytes.</summary>
    public DiversifiedModule Of(ReadOnlySpan<byte> bytes) => modules[Hash(bytes)];

    /// <summary>The file of a module that a command compiles and that is valid; else null.</summary>
    public static string? ValidModule(SpecCommand command) => command switch
    {
        SpecCommand.Module module => module.File,
        SpecCommand.Definition definition => definition.File,
        SpecCommand.Reject { Fault: ModuleFault.Unlinkable or ModuleFault.Uninstantiable } reject => reject.File,
        _ => null,
    };

    private static async Task<DiversifiedModule> DiversifyAsync(string place, byte[] bytes, VariantSource source, CancellationToken cancellationToken)
    {
        var module = ModuleReader.Read(bytes);
        var facts = new ModuleFacts(module);
        var variantsOf = source.Begin(module);
        var functions = ImmutableArray.CreateBuilder<FunctionVariants>();
        var dropped = ImmutableArray.CreateBuilder<string>();
        for (var index = (uint)module.ImportedFunctionCount; index < module.FunctionCount; index++)
        {
            SourcedVariants sourced;
            try
            {
                sourced = await variantsOf(FunctionInput.Of(facts, index), cancellationToken);
            }
            catch (WasmException exception)
            {
                sourced = new SourcedVariants([], exception.Error.Kind.ToString(), []);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                throw new InvalidOperationException($"{place}, function {index}: {exception.Message}", exception);
            }

            functions.Add(new FunctionVariants(index, sourced.Variants) { Reason = sourced.Reason, Inlines = CalledFrom(module, index) });
            dropped.AddRange(sourced.Dropped.Select(text => $"{place}, function {index}: {text}"));
        }

        return new DiversifiedModule(place, module, functions.ToImmutable(), dropped.ToImmutable());
    }

    /// <summary>Whatever a function calls is inlined where it can be; under the policies that force a choice it is called.</summary>
    private static ImmutableArray<uint> CalledFrom(WasmModule module, uint function) =>
    [
        .. module.Bodies[(int)function - module.ImportedFunctionCount].Decode().Instructions.Where(instruction => instruction.Opcode == Opcode.Call && instruction.Index >= (uint)module.ImportedFunctionCount)
            .Select(instruction => instruction.Index).Distinct(),
    ];

    private static UInt128 Hash(ReadOnlySpan<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(bytes));
}
