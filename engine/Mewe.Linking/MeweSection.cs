using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking;

/// <summary>
/// The custom section <c>mewe</c>: where a multivariant module came from and what is where in it. It is written by the linker and claims nothing that cannot
/// be checked against the original (<see cref="StructureCheck"/>) or by testing the variants again; who reads it must not trust it.
/// </summary>
/// <remarks>
/// Layout, in the primitives of the WebAssembly binary format (u8 one byte, u32/u64 LEB128, name = length and UTF-8, vec = count and entries, opt = u8 0 or 1
/// and then the value), with no times or paths, so that it is a function of what was linked:
/// <code>
///   u8 version = 6 | name tool version | 32 bytes SHA-256 of the original | u64 seed | name options | name plan | vec(name) strings
///   u8 policy | u32 forced choice | u8 randomness | u8 generator | opt(u32) added import | opt(u32) global of the blind word | u32 empty functions
///   vec(u8 role, u32 index) generated | vec(u32 function, u32 index, u8 is start) wrappers
///   vec functions: u32 index, opt(u32) original, dispatch, vec(u32) inlines, inlined, opt(u32 string) reason,
///     vec variants: u32 index, vec(u32) outlined, inlined, vec steps, evidence
///   dispatch: u8 mode, u8 form, u32 period, u8 bound
///   inlined: u32 appended groups of locals, vec(u32 position behind the last site, u32 length, u32 callee) sites
///   step: u32 string (transform), vec(u32 string) rules
///   evidence: u8 kind, u32 inputs, u32 branches, u32 branches covered, u32 inconclusive, opt(u32 string) not proved
/// </code>
/// Versions 1 to 5 came from releases whose dispatchers were other code: what they made can be checked by them only.
/// </remarks>
public sealed record MeweSection
{
    /// <summary>The section's name.</summary>
    public const string Name = "mewe";

    /// <summary>The layout that is written.</summary>
    public const byte CurrentVersion = 6;

    public required string ToolVersion { get; init; }

    /// <summary>SHA-256 of the original module, lower-case hexadecimal.</summary>
    public required string SourceSha256 { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>The options that decided the variants, as the tool writes them.</summary>
    public required string Options { get; init; }

    /// <summary>What was measured and decided when it was made, as JSON; empty where nothing was. Who links again from it gets the same bytes.</summary>
    public string Plan { get; init; } = "";

    public required MultivariantMap Map { get; init; }

    /// <summary>Whether the module says that it is multivariant.</summary>
    public static bool IsIn(WasmModule module) => module.CustomSections.Any(section => section.Name == Name);

    /// <summary>Reads the section of a module, or says why not.</summary>
    /// <param name="error">Null exactly when the section is returned; its offset counts from the start of the section's content.</param>
    public static MeweSection? TryRead(WasmModule module, out WasmError? error)
    {
        var sections = module.CustomSections.Where(section => section.Name == Name).ToList();
        if (sections.Count != 1)
        {
            error = new WasmError(WasmErrorKind.Malformed, 0, sections.Count == 0
                ? "this module is not multivariant: it has no section \"mewe\""
                : "the module has more than one section \"mewe\"");
            return null;
        }

        try
        {
            error = null;
            return Read(sections[0].Bytes.Span);
        }
        catch (WasmException exception)
        {
            error = exception.Error with { Message = $"in the section \"mewe\": {exception.Error.Message}" };
            return null;
        }
    }

    /// <summary>The section's content.</summary>
    public byte[] Write()
    {
        var strings = new StringTable();
        var body = new BinaryEncoder(4096);
        WriteMap(body, strings);
        var output = new BinaryEncoder(body.Length + 1024);
        output.Byte(CurrentVersion);
        output.Name(ToolVersion);
        output.Bytes(Convert.FromHexString(SourceSha256));
        output.U64(Seed);
        output.Name(Options);
        output.Name(Plan);
        Each(output, strings.Strings, output.Name);
        output.Bytes(body.Written);
        return output.ToArray();
    }

    private void WriteMap(BinaryEncoder output, StringTable strings)
    {
        output.Byte((byte)Map.Policy);
        output.U32(Map.ForcedChoice);
        output.Byte((byte)Map.Randomness);
        output.Byte((byte)Map.Generator);
        Optional(output, Map.AddedImport);
        Optional(output, Map.Blind);
        output.U32(Map.EmptyFunctions);
        Each(output, Map.Generated, generated =>
        {
            output.Byte((byte)generated.Role);
            output.U32(generated.Index);
        });
        Each(output, Map.Wrappers, wrapper =>
        {
            output.U32(wrapper.Function);
            output.U32(wrapper.Index);
            output.Byte(wrapper.IsStart ? (byte)1 : (byte)0);
        });
        Each(output, Map.Functions, function =>
        {
            output.U32(function.Index);
            Optional(output, function.Original);
            WriteDispatch(output, function.Dispatch);
            Each(output, function.Inlines, output.U32);
            WriteInlined(output, function.Inlined);
            Optional(output, function.Reason is { } reason ? strings.IndexOf(reason) : null);
            Each(output, function.Variants, variant =>
            {
                output.U32(variant.Index);
                Each(output, variant.Outlined, output.U32);
                WriteInlined(output, variant.Inlined);
                Each(output, variant.Steps, step => WriteStep(output, step, strings));
                output.Byte((byte)variant.Evidence.Kind);
                output.U32(variant.Evidence.Inputs);
                output.U32(variant.Evidence.Branches);
                output.U32(variant.Evidence.BranchesCovered);
                output.U32(variant.Evidence.Inconclusive);
                Optional(output, variant.Evidence.NotProved is { } category ? strings.IndexOf(category) : null);
            });
        });
    }

    private static void WriteDispatch(BinaryEncoder output, FunctionDispatch dispatch)
    {
        output.Byte((byte)dispatch.Mode);
        output.Byte((byte)dispatch.Form);
        output.U32(dispatch.Period);
        output.Byte(dispatch.Bound ? (byte)1 : (byte)0);
    }

    private static void WriteInlined(BinaryEncoder output, InlinedSites inlined)
    {
        output.U32(inlined.LocalGroups);
        var last = 0u;
        Each(output, inlined.Sites, site =>
        {
            output.U32(site.Position - last);
            output.U32(site.Length);
            output.U32(site.Callee);
            last = site.Position + site.Length;
        });
    }

    private static void WriteStep(BinaryEncoder output, VariantStep step, StringTable strings)
    {
        output.U32(strings.IndexOf(step.Transform));
        Each(output, step.Rules, rule => output.U32(strings.IndexOf(rule)));
    }

    private static void Optional(BinaryEncoder output, uint? value)
    {
        output.Byte(value is null ? (byte)0 : (byte)1);
        if (value is { } present)
        {
            output.U32(present);
        }
    }

    private static void Each<T>(BinaryEncoder output, IReadOnlyCollection<T> entries, Action<T> write)
    {
        output.U32((uint)entries.Count);
        foreach (var entry in entries)
        {
            write(entry);
        }
    }

    private static MeweSection Read(ReadOnlySpan<byte> bytes)
    {
        var decoder = new BinaryDecoder(bytes);
        var version = decoder.Byte();
        if (version != CurrentVersion)
        {
            throw new WasmException(WasmErrorKind.Unsupported, 0, version is > 0 and < CurrentVersion
                ? $"version {version} was made by an older release; make the module again, or check it with that release"
                : $"version {version} is not known; this tool reads version {CurrentVersion}");
        }

        var toolVersion = decoder.Name();
        var hash = Convert.ToHexStringLower(decoder.Bytes(32));
        var seed = decoder.U64();
        var options = decoder.Name();
        var plan = decoder.Name();
        var strings = Array(ref decoder, "strings", (ref BinaryDecoder d) => d.Name());
        var map = new MultivariantMap
        {
            Policy = Known<DispatchPolicy>(ref decoder),
            ForcedChoice = decoder.U32(),
            Randomness = Known<RandomnessMode>(ref decoder),
            Generator = Known<GeneratorKind>(ref decoder),
            AddedImport = Optional(ref decoder),
            Blind = Optional(ref decoder),
            EmptyFunctions = decoder.U32(),
            Generated = Array(ref decoder, "generated functions", (ref BinaryDecoder d) => new GeneratedFunction(Known<GeneratedRole>(ref d), d.U32())),
            Wrappers = Array(ref decoder, "wrappers", (ref BinaryDecoder d) => new EntryWrapper(d.U32(), d.U32(), Flag(ref d))),
            Functions = Array(ref decoder, "functions", (ref BinaryDecoder d) => ReadFunction(ref d, strings)),
        };
        return decoder.AtEnd
            ? new MeweSection { ToolVersion = toolVersion, SourceSha256 = hash, Seed = seed, Options = options, Plan = plan, Map = map }
            : throw decoder.Malformed($"{decoder.Remaining} bytes left over");
    }

    private static MultivariantFunction ReadFunction(ref BinaryDecoder decoder, ImmutableArray<string> strings)
    {
        var index = decoder.U32();
        var original = Optional(ref decoder);
        var dispatch = new FunctionDispatch(Known<DispatchMode>(ref decoder)) { Form = Known<DispatchForm>(ref decoder), Period = decoder.U32(), Bound = Flag(ref decoder) };
        var inlines = Array(ref decoder, "inlined functions", (ref BinaryDecoder d) => d.U32());
        var inlined = ReadInlined(ref decoder);
        var reason = Optional(ref decoder) is { } number ? String(ref decoder, number, strings) : null;
        var variants = Array(ref decoder, "variants", (ref BinaryDecoder d) => ReadVariant(ref d, strings));
        return new MultivariantFunction(index, original, reason, variants) { Dispatch = dispatch, Inlines = inlines, Inlined = inlined };
    }

    private static MultivariantVariant ReadVariant(ref BinaryDecoder decoder, ImmutableArray<string> strings)
    {
        var index = decoder.U32();
        var outlined = Array(ref decoder, "outlined functions", (ref BinaryDecoder d) => d.U32());
        var inlined = ReadInlined(ref decoder);
        var steps = Array(ref decoder, "steps", (ref BinaryDecoder d) => ReadStep(ref d, strings));
        return new MultivariantVariant(index, outlined, steps, ReadEvidence(ref decoder, strings)) { Inlined = inlined };
    }

    private static InlinedSites ReadInlined(ref BinaryDecoder decoder)
    {
        var groups = decoder.U32();
        var last = 0ul;
        var sites = Array(ref decoder, "inlined calls", (ref BinaryDecoder d) =>
        {
            var (position, length, callee) = (last + d.U32(), d.U32(), d.U32());
            last = position + length;
            return last <= uint.MaxValue ? new InlinedSite((uint)position, length, callee) : throw d.Malformed($"no body has an instruction {last}");
        });
        return sites.IsEmpty ? groups == 0 ? InlinedSites.None : throw decoder.Malformed("locals were appended for no inlined call") : new InlinedSites(groups, sites);
    }

    private static VariantStep ReadStep(ref BinaryDecoder decoder, ImmutableArray<string> strings) => new(
        String(ref decoder, decoder.U32(), strings),
        Array(ref decoder, "rules", (ref BinaryDecoder d) => String(ref d, d.U32(), strings)));

    private static Evidence ReadEvidence(ref BinaryDecoder decoder, ImmutableArray<string> strings)
    {
        var evidence = new Evidence(Known<EvidenceKind>(ref decoder), decoder.U32(), decoder.U32(), decoder.U32()) { Inconclusive = decoder.U32() };
        return Optional(ref decoder) is { } category ? evidence with { NotProved = String(ref decoder, category, strings) } : evidence;
    }

    private delegate T EntryReader<out T>(ref BinaryDecoder decoder);

    private static ImmutableArray<T> Array<T>(ref BinaryDecoder decoder, string what, EntryReader<T> read)
    {
        var entries = new T[decoder.Count(Limits.MaxFunctions, what)];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = read(ref decoder);
        }

        return ImmutableArray.Create(entries);
    }

    private static uint? Optional(ref BinaryDecoder decoder) => Flag(ref decoder) ? decoder.U32() : null;

    private static bool Flag(ref BinaryDecoder decoder)
    {
        var value = decoder.Byte();
        return value <= 1 ? value == 1 : throw decoder.Malformed($"{value} is neither 0 nor 1");
    }

    private static T Known<T>(ref BinaryDecoder decoder)
        where T : struct, Enum
    {
        var value = (T)(object)decoder.Byte();
        return Enum.IsDefined(value) ? value : throw decoder.Malformed($"{value} is no {typeof(T).Name}");
    }

    private static string String(ref BinaryDecoder decoder, uint number, ImmutableArray<string> strings) =>
        number < strings.Length ? strings[(int)number] : throw decoder.Malformed($"there is no string {number}");

    private sealed class StringTable
    {
        private readonly Dictionary<string, uint> indices = new(StringComparer.Ordinal);

        public List<string> Strings { get; } = [];

        public uint IndexOf(string text)
        {
            if (!indices.TryGetValue(text, out var index))
            {
                index = (uint)Strings.Count;
                indices.Add(text, index);
                Strings.Add(text);
            }

            return index;
        }
    }
}
