import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Grants each service what it needs: to write its own topic, to create and read all topics, and to use its group. */
public class Acls {
    public static void main(String[] arguments) throws Exception {
        var properties = new Properties();
        try (var file = new java.io.FileInputStream(arguments[0])) {
            properties.load(file);
        }
        List<AclBinding> acls = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) {
            String service = arguments[i];
            acls.add(allow(service, ResourceType.TOPIC, "rapport." + service, PatternType.LITERAL, AclOperation.WRITE));
            acls.add(allow(service, ResourceType.TOPIC, "rapport.", PatternType.PREFIXED, AclOperation.CREATE));
            acls.add(allow(service, ResourceType.TOPIC, "rapport.", PatternType.PREFIXED, AclOperation.READ));
            acls.add(allow(service, ResourceType.GROUP, "rapport." + service, PatternType.LITERAL, AclOperation.READ));
        }
        try (var admin = Admin.create(properties)) {
            admin.createAcls(acls).all().get();
        }
    }

    private static AclBinding allow(
            String user, ResourceType type, String name, PatternType pattern, AclOperation operation) {
        return new AclBinding(
                new ResourcePattern(type, name, pattern),
                new AccessControlEntry("User:" + user, "*", operation, AclPermissionType.ALLOW));
    }
}
